// The current route, and moving about. A quote travels beside the address, not in it: it is the owner's text.
import { format_route, parse_route } from './router';
import type { OpenItem, Route } from './router';

let current = $state.raw<Route>(parse_route(location.hash));
const quotes = new Map<string, string>();

window.addEventListener('hashchange', () => {
  current = parse_route(location.hash);
});

export function route(): Route {
  return current;
}

export function go(to: Route, how: 'push' | 'replace' = 'push'): void {
  const hash = format_route(to);
  if (hash === location.hash) return;
  if (how === 'push') history.pushState(null, '', hash);
  else history.replaceState(null, '', hash);
  current = parse_route(hash);
}

window.addEventListener('popstate', () => {
  current = parse_route(location.hash);
});

const place = (item: OpenItem) => `${item.id} ${item.part ?? ''} ${item.begin ?? ''} ${item.end ?? ''}`;

/** Opens an item beside the current view, at the cited place. */
export function open_item(item: OpenItem, quote = ''): void {
  if (quote) quotes.set(place(item), quote);
  go({ ...current, item }, current.item ? 'replace' : 'push');
}

export function close_item(): void {
  const { item: _, ...rest } = current;
  go(rest, 'replace');
}

export function quote_of(item: OpenItem): string {
  return quotes.get(place(item)) ?? '';
}

/** The item to open for a locator. */
export function place_of(id: string, locator: { part: string; begin: number; end: number }): OpenItem {
  return { id, part: locator.part, begin: locator.begin, end: locator.end };
}
