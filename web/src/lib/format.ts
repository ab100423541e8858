// Numbers, sizes, times and durations as people read them, through Intl. Pure: language, time zone and the present are
// parameters, since the present is the server's clock (a sample household has its own).

export interface Here {
  /** A BCP 47 tag; its region decides the order of day and month. */
  language: string;
  zone: string;
  now: Date;
}

const date_only = /^\d{4}-\d{2}-\d{2}$/;
const without_zone = /^\d{4}-\d{2}-\d{2}T[\d:.]+$/;

interface Parsed {
  time: Date;
  all_day: boolean;
  /** Where to show it: a date, or a time without a zone, is the same wherever one is, so it is held and shown in UTC. */
  zone: string;
}

function parse(when: string, here: Here): Parsed | null {
  const all_day = date_only.test(when);
  const floating = without_zone.test(when);
  const time = new Date(all_day ? `${when}T12:00:00Z` : floating ? `${when}Z` : when);
  if (Number.isNaN(time.getTime())) return null;
  return { time, all_day, zone: all_day || floating ? 'UTC' : here.zone };
}

function format(time: Date, options: Intl.DateTimeFormatOptions, here: Here, zone: string): string {
  try {
    return new Intl.DateTimeFormat(here.language, { ...options, timeZone: zone }).format(time);
  } catch {
    return new Intl.DateTimeFormat(here.language, { ...options, timeZone: 'UTC' }).format(time);
  }
}

/** The day, with its year unless it is this one: "3 Mar", "3 mar 2025". */
export function short_date(when: string | null, here: Here): string {
  const parsed = when ? parse(when, here) : null;
  if (!parsed) return '';
  const this_year =
    format(parsed.time, { year: 'numeric' }, here, parsed.zone) ===
    format(here.now, { year: 'numeric' }, here, here.zone);
  return format(
    parsed.time,
    { day: 'numeric', month: 'short', ...(this_year ? {} : { year: 'numeric' }) },
    here,
    parsed.zone,
  );
}

export function long_date(when: string | null, here: Here): string {
  const parsed = when ? parse(when, here) : null;
  if (!parsed) return '';
  const day: Intl.DateTimeFormatOptions = {
    weekday: 'long', day: 'numeric', month: 'long', year: 'numeric',
  };
  if (parsed.all_day) return format(parsed.time, day, here, parsed.zone);
  return format(parsed.time, { ...day, hour: '2-digit', minute: '2-digit' }, here, parsed.zone);
}

export function clock_time(when: string, here: Here): string {
  const parsed = parse(when, here);
  return parsed
    ? format(parsed.time, { hour: '2-digit', minute: '2-digit' }, here, parsed.zone)
    : '';
}

export function day_heading(when: string, here: Here): string {
  const parsed = parse(when, here);
  return parsed
    ? format(parsed.time, { weekday: 'long', day: 'numeric', month: 'long' }, here, parsed.zone)
    : '';
}

/**
 * A text of the server with its moments as people say them: "2026-05-14T17:30" becomes "Thu 14 May, 17:30". Days alone are
 * told only where they are the whole text, because a date within somebody's sentence is theirs.
 */
export function spoken_moments(text: string, here: Here): string {
  const day: Intl.DateTimeFormatOptions = { weekday: 'short', day: 'numeric', month: 'short' };
  const say = (when: string): string => {
    const parsed = parse(when, here);
    if (!parsed) return when;
    const clock: Intl.DateTimeFormatOptions = parsed.all_day ? {} : { hour: '2-digit', minute: '2-digit' };
    return format(parsed.time, { ...day, ...clock }, here, parsed.zone);
  };
  if (/^\d{4}-\d{2}-\d{2}( – \d{4}-\d{2}-\d{2})?$/.test(text)) return text.split(' – ').map(say).join(' – ');
  const spoken = text.replace(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?/g, say);
  // The end of what ends on the same day needs no day.
  const span = /^(\d{4}-\d{2}-\d{2})T[\d:]+ – \1T([\d:]{5})/.exec(text);
  return span ? `${say(text.slice(0, text.indexOf(' – ')))} – ${clock_time(text.slice(text.indexOf(' – ') + 3), here)}` : spoken;
}

/** A key that is equal for two times of the same day in the owner's zone. */
export function day_key(when: string, here: Here): string {
  const parsed = parse(when, here);
  return parsed
    ? format(parsed.time, { year: 'numeric', month: '2-digit', day: '2-digit' }, here, parsed.zone)
    : '';
}

/** "3 minutes ago", "yesterday"; times of the last half minute are "now". */
export function relative(when: string, here: Here): string {
  const parsed = parse(when, here);
  if (!parsed) return '';
  const seconds = (parsed.time.getTime() - here.now.getTime()) / 1000;
  const text = new Intl.RelativeTimeFormat(here.language, { numeric: 'auto' });
  const size = Math.abs(seconds);
  if (size < 30) return text.format(0, 'second');
  if (size < 3600) return text.format(Math.round(seconds / 60), 'minute');
  if (size < 86400) return text.format(Math.round(seconds / 3600), 'hour');
  if (size < 86400 * 30) return text.format(Math.round(seconds / 86400), 'day');
  return short_date(when, here);
}

export function integer(value: number, language: string): string {
  return new Intl.NumberFormat(language).format(value);
}

/** Decimal units, as disks and downloads are sold. */
export function bytes(value: number, language: string): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let size = value;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  const digits = unit > 1 && size < 10 ? 1 : 0;
  const text = new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(size);
  return `${text}\u00A0${units[unit]}`;
}

export function milliseconds(value: number, language: string): string {
  if (value < 1000) return `${integer(Math.round(value), language)}\u00A0ms`;
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(value / 1000)}\u00A0s`;
}

export function duration(seconds: number, language: string): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s}\u00A0s`;
  if (s < 3600) return `${integer(Math.round(s / 60), language)}\u00A0min`;
  return `${Math.floor(s / 3600)}\u00A0h ${Math.round((s % 3600) / 60)}\u00A0min`;
}

/** An ISO date `days` before the present, in the owner's zone; for search filters. */
export function days_ago(days: number, here: Here): string {
  const time = new Date(here.now.getTime() - days * 86_400_000);
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: here.zone, year: 'numeric', month: '2-digit', day: '2-digit',
  });
  return parts.format(time);
}
