// Moments between the wire and the input fields of a form, and the times that putting something off offers. Pure.
// On the wire a moment is a day ("2026-05-14"), a time of the owner's clock ("2026-05-14T09:30") or one with its offset;
// whatever shape it had it keeps.

const has_offset = /(?:Z|[+-]\d{2}:\d{2})$/;

/** Minutes that a zone is ahead of UTC at that moment. */
function offset_minutes(time: number, zone: string): number {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit',
  }).formatToParts(time);
  const value = (type: string) => Number(parts.find((part) => part.type === type)?.value);
  const local = Date.UTC(value('year'), value('month') - 1, value('day'), value('hour'), value('minute'));
  return Math.round((local - Math.floor(time / 60_000) * 60_000) / 60_000);
}

/** The time on a clock in that zone: "2026-05-14T09:30". */
export function local_text(time: Date, zone: string): string {
  return new Date(time.getTime() + offset_minutes(time.getTime(), zone) * 60_000).toISOString().slice(0, 16);
}

/** "2026-05-14T09:30" on a clock in that zone, with its offset. Of an hour that occurs twice, the first. */
export function with_offset(local: string, zone: string): string {
  const as_utc = Date.parse(`${local}Z`);
  let offset = offset_minutes(as_utc, zone);
  offset = offset_minutes(as_utc - offset * 60_000, zone);
  const size = Math.abs(offset);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${local}:00${offset < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** As a field of type date or datetime-local holds it. */
export function to_field(value: string, zone: string): string {
  if (has_offset.test(value)) {
    const time = new Date(value);
    return Number.isNaN(time.getTime()) ? '' : local_text(time, zone);
  }
  return value.slice(0, 16);
}

/** Back to the shape that `before` had. */
export function from_field(value: string, before: string, zone: string): string {
  return value.length === 16 && has_offset.test(before) ? with_offset(value, zone) : value;
}

/** The end moved as far as the start was, so that what is moved keeps its length. */
export function moved_end(start_before: string, start: string, end: string): string {
  if (start.length !== end.length || start_before.length !== start.length) return end;
  const parse = (text: string) => Date.parse(text.length === 10 ? `${text}T00:00Z` : `${text}Z`);
  const moved = parse(end) + parse(start) - parse(start_before);
  return Number.isNaN(moved) ? end : new Date(moved).toISOString().slice(0, end.length);
}

export interface Later {
  key: 'evening' | 'tomorrow' | 'weekend' | 'monday' | 'before';
  /** With its offset. */
  until: string;
}

/** When it can be put off to, soonest first; `due` is when what it is about takes place. */
export function later_times(now: Date, zone: string, due: string | null): Later[] {
  const today = local_text(now, zone);
  const day = (ahead: number) => new Date(Date.parse(`${today.slice(0, 10)}T00:00Z`) + ahead * 86_400_000);
  const at = (ahead: number, clock: string) => with_offset(`${day(ahead).toISOString().slice(0, 10)}T${clock}`, zone);
  const weekday = day(0).getUTCDay();
  const times: Later[] = [];
  if (today.slice(11) < '17:00') times.push({ key: 'evening', until: at(0, '18:00') });
  times.push({ key: 'tomorrow', until: at(1, '09:00') });
  if (weekday >= 1 && weekday <= 4) times.push({ key: 'weekend', until: at(6 - weekday, '10:00') });
  if (weekday !== 0) times.push({ key: 'monday', until: at(8 - weekday, '09:00') });
  const takes_place = due && due.length > 10 ? Date.parse(due) : NaN;
  if (takes_place - 3_600_000 > now.getTime()) {
    times.push({ key: 'before', until: with_offset(local_text(new Date(takes_place - 3_600_000), zone), zone) });
  }
  return times;
}
