import { describe, expect, test } from 'vitest';
import { from_field, later_times, local_text, moved_end, to_field, with_offset } from './moments';

const zone = 'Europe/Madrid';

describe('moments', () => {
  test('a time on the owner’s clock gets the offset of its day', () => {
    expect(with_offset('2026-05-14T09:30', zone)).toBe('2026-05-14T09:30:00+02:00');
    expect(with_offset('2026-01-14T09:30', zone)).toBe('2026-01-14T09:30:00+01:00');
    expect(with_offset('2026-01-14T09:30', 'America/New_York')).toBe('2026-01-14T09:30:00-05:00');
    expect(local_text(new Date('2026-05-14T22:30:00Z'), zone)).toBe('2026-05-15T00:30');
  });

  test('around a change of clocks', () => {
    expect(with_offset('2026-03-29T01:30', zone)).toBe('2026-03-29T01:30:00+01:00');
    expect(with_offset('2026-03-29T04:00', zone)).toBe('2026-03-29T04:00:00+02:00');
    expect(with_offset('2026-10-25T12:00', zone)).toBe('2026-10-25T12:00:00+01:00');
  });

  test('what goes into a field comes back in the shape it had', () => {
    for (const value of ['2026-05-14', '2026-05-14T09:30', '2026-05-14T09:30:00+02:00']) {
      expect(from_field(to_field(value, zone), value, zone)).toBe(value);
    }
    expect(to_field('2026-05-14T07:30:00Z', zone)).toBe('2026-05-14T09:30');
    expect(to_field('nonsense+02:00', zone)).toBe('');
  });

  test('what is moved keeps its length', () => {
    expect(moved_end('2026-05-14T09:30', '2026-05-15T23:30', '2026-05-14T10:30')).toBe('2026-05-16T00:30');
    expect(moved_end('2026-05-14', '2026-05-16', '2026-05-15')).toBe('2026-05-17');
    expect(moved_end('2026-05-14T09:30', '2026-05-16', '2026-05-14T10:30')).toBe('2026-05-14T10:30');
    expect(moved_end('2026-05-14T09:30', '', '2026-05-14T10:30')).toBe('2026-05-14T10:30');
  });

  test('times to put off to lie ahead', () => {
    const keys = (now: string, due: string | null = null) => later_times(new Date(now), zone, due).map(({ key }) => key);
    expect(later_times(new Date('2026-05-14T09:30:00+02:00'), zone, null)).toEqual([
      { key: 'evening', until: '2026-05-14T18:00:00+02:00' },
      { key: 'tomorrow', until: '2026-05-15T09:00:00+02:00' },
      { key: 'weekend', until: '2026-05-16T10:00:00+02:00' },
      { key: 'monday', until: '2026-05-18T09:00:00+02:00' },
    ]);
    expect(keys('2026-05-14T21:00:00+02:00')).not.toContain('evening');
    expect(keys('2026-05-17T09:00:00+02:00')).toEqual(['evening', 'tomorrow']);
    expect(keys('2026-05-14T09:30:00+02:00', '2026-05-14T17:00:00+02:00')).toContain('before');
    expect(keys('2026-05-14T09:30:00+02:00', '2026-05-14T10:00:00+02:00')).not.toContain('before');
  });
});
