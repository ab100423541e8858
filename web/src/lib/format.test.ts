import { expect, test } from 'vitest';
import { bytes, day_key, days_ago, duration, long_date, relative, short_date, spoken_moments } from './format';

const madrid = { language: 'es-ES', zone: 'Europe/Madrid', now: new Date('2026-05-14T07:30:00Z') };
const plain = (text: string) => text.replace(/[\u00A0\u202F]/g, ' ');

test('a date without a time is that day in every zone', () => {
  for (const zone of ['Pacific/Auckland', 'America/Los_Angeles', 'Europe/Madrid']) {
    expect(short_date('2026-05-01', { ...madrid, zone })).toBe('1 may');
  }
});

test('a time without a zone is that time in every zone', () => {
  for (const zone of ['Pacific/Auckland', 'America/Los_Angeles']) {
    expect(plain(long_date('2026-05-21T08:30:00', { ...madrid, zone }))).toMatch(/21 de mayo de 2026.*0?8:30/);
  }
});

test('the year is said unless it is this one', () => {
  expect(short_date('2025-11-03', madrid)).toBe('3 nov 2025');
});

test('a time is shown in the owner’s zone', () => {
  expect(plain(long_date('2026-05-14T22:30:00Z', madrid))).toContain('viernes, 15 de mayo de 2026');
  expect(plain(long_date('2026-05-14T22:30:00Z', madrid))).toContain('0:30');
});

test('days begin at the owner’s midnight', () => {
  expect(day_key('2026-05-13T22:30:00Z', madrid)).toBe(day_key('2026-05-14T08:00:00Z', madrid));
});

test('the present is the server’s, not the browser’s', () => {
  expect(relative('2026-05-14T07:25:00Z', madrid)).toBe('hace 5 minutos');
  expect(relative('2026-05-13T07:00:00Z', madrid)).toBe('ayer');
  expect(days_ago(7, madrid)).toBe('2026-05-07');
});

test('an unknown zone or time breaks nothing', () => {
  expect(short_date('2026-05-01T10:00:00Z', { ...madrid, zone: 'Not/AZone' })).toBe('1 may');
  expect(short_date('soon', madrid)).toBe('');
  expect(short_date(null, madrid)).toBe('');
});

test('sizes and durations read as people write them', () => {
  expect(plain(bytes(1_646_572_928, 'es-ES'))).toBe('1,6 GB');
  expect(plain(bytes(999_600, 'en-GB'))).toBe('1 MB');
  expect(plain(duration(3720, 'en-GB'))).toBe('1 h 2 min');
});

test('moments in a text of the server are told as people say them; dates in a sentence stay', () => {
  const say = (text: string) => plain(spoken_moments(text, madrid));
  expect(say('2026-05-14T17:30 – 2026-05-14T18:30')).toMatch(/^jue, 14 may, 17:30 – 18:30$/);
  expect(say('2026-05-14T23:30 – 2026-05-15T00:30')).toMatch(/^jue, 14 may, 23:30 – vie, 15 may, 0?0:30$/);
  expect(say('2026-05-14T15:30:00Z')).toMatch(/17:30$/);
  expect(say('2026-05-14')).toBe('jue, 14 may');
  expect(say('Re: factura 2026-05-14')).toBe('Re: factura 2026-05-14');
});
