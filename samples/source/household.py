"""Who the household is, and its fixed present."""

NOW = "2026-05-14T09:30:00+02:00"
PERSONAL_ADDRESS = "clara@aldana-whitfield.example"
WORK_ADDRESS = "hola@claraaldana.example"
OWN_ADDRESSES = (PERSONAL_ADDRESS, WORK_ADDRESS)

DESCRIPTION = {
    "name": "Aldana-Whitfield",
    "owner": {"name": "Clara Aldana Ferrer", "addresses": list(OWN_ADDRESSES)},
    "members": ["Clara Aldana Ferrer", "Tom Whitfield", "Leo Whitfield Aldana", "Nora Whitfield Aldana"],
    "now": NOW,
    "zone": "Europe/Madrid",
    "languages": ["es", "en"],
    "paths": {
        "maildir": "maildir",
        "mbox": "work.mbox",
        "calendars": ["calendars/familia.ics", "calendars/trabajo.ics"],
        "contacts": "contacts.vcf",
        "documents": "documents",
    },
}
