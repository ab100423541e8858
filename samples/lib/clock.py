"""Times of the sample household.

Everything is written in local time of Madrid or London. The rule for summer time is computed here
(last Sunday of March and of October, 01:00 UTC) so that the result does not depend on the time zone
data of the machine that runs the generator.
"""

import datetime as dt

DAYS_EN = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
DAYS_ES = ["lun", "mar", "mié", "jue", "vie", "sáb", "dom"]
MONTHS_EN = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
MONTHS_ES = ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"]


def _last_sunday(year, month):
    day = dt.datetime(year, month, 31, 1, 0)
    while day.weekday() != 6:
        day -= dt.timedelta(days=1)
    return day


def offset_hours(local, zone):
    """Hours to add to UTC for a naive local time in "madrid" or "london"."""
    winter = 1 if zone == "madrid" else 0
    utc = local - dt.timedelta(hours=winter)
    summer = _last_sunday(local.year, 3) <= utc < _last_sunday(local.year, 10)
    return winter + (1 if summer else 0)


def to_utc(local, zone="madrid"):
    return local - dt.timedelta(hours=offset_hours(local, zone))


def unix_seconds(local, zone="madrid"):
    return int((to_utc(local, zone) - dt.datetime(1970, 1, 1)).total_seconds())


def rfc5322(local, zone="madrid"):
    return "%s, %02d %s %d %02d:%02d:%02d +%02d00" % (
        DAYS_EN[local.weekday()], local.day, MONTHS_EN[local.month - 1], local.year,
        local.hour, local.minute, local.second, offset_hours(local, zone))


def asctime(local):
    """The date of an mbox separator line, in UTC."""
    utc = to_utc(local)
    return "%s %s %2d %02d:%02d:%02d %d" % (
        DAYS_EN[utc.weekday()], MONTHS_EN[utc.month - 1], utc.day,
        utc.hour, utc.minute, utc.second, utc.year)
