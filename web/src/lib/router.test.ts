import { describe, expect, test } from 'vitest';
import { format_route, parse_route } from './router';
import type { Route } from './router';

describe('router', () => {
  test('an empty or unknown address is Today', () => {
    expect(parse_route('')).toEqual({ view: 'today', query: {} });
    expect(parse_route('#/nowhere/x')).toEqual({ view: 'today', query: {} });
  });

  test('what is formatted is parsed back, whatever the letters', () => {
    const routes: Route[] = [
      { view: 'ask', id: 'c 1/ñ?', query: {} },
      { view: 'search', query: { q: 'año & #2 = 100 %', kind: 'mail' } },
      { view: 'search', query: { q: 'x' }, item: { id: 'a/b', part: '1.2', begin: 3, end: 9 } },
      { view: 'sources', query: {}, item: { id: 'i' } },
    ];
    for (const route of routes) {
      expect(parse_route(format_route(route))).toEqual(route);
    }
  });

  test('offsets that make no range are left out', () => {
    expect(parse_route('#/ask?item=i&begin=9&end=3').item).toEqual({ id: 'i' });
    expect(parse_route('#/ask?item=i&begin=-1&end=3').item).toEqual({ id: 'i' });
    expect(parse_route('#/ask?item=i&begin=1e3&end=2000').item).toEqual({ id: 'i' });
  });

  test('empty values are no part of an address', () => {
    expect(format_route({ view: 'search', query: { q: 'x', kind: '' } })).toBe('#/search?q=x');
  });

  test('a broken escape is taken as it stands', () => {
    expect(parse_route('#/ask/%E0%A4%A').id).toBe('%E0%A4%A');
  });
});
