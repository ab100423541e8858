// The address of a view, in the part after '#': the server knows one page only, and no part of an address that holds a
// question or a name ever reaches it. Pure functions; router.svelte.ts holds the current route.

export const views = [
  'today', 'ask', 'search', 'sources', 'attention', 'memory', 'models', 'activity', 'more',
] as const;
export type View = (typeof views)[number];

/** An item open beside the view; part, begin and end (UTF-16 offsets) name the cited place. */
export interface OpenItem {
  id: string;
  part?: string;
  begin?: number;
  end?: number;
}

export interface Route {
  view: View;
  /** The conversation, in the view `ask`. */
  id?: string;
  query: Record<string, string>;
  item?: OpenItem;
}

const item_fields = ['item', 'part', 'begin', 'end'];

export function parse_route(hash: string): Route {
  const text = hash.replace(/^#\/?/, '');
  const mark = text.indexOf('?');
  const path = (mark < 0 ? text : text.slice(0, mark)).split('/').filter(Boolean);
  const parameters = new URLSearchParams(mark < 0 ? '' : text.slice(mark + 1));
  const view = views.find((name) => name === path[0]) ?? 'today';
  const route: Route = { view, query: {} };
  if (view === 'ask' && path[0] === 'ask' && path[1]) route.id = decode(path[1]);
  for (const [key, value] of parameters) {
    if (!item_fields.includes(key) && value !== '') route.query[key] = value;
  }
  const id = parameters.get('item');
  if (id) {
    const item: OpenItem = { id };
    const part = parameters.get('part');
    if (part) item.part = part;
    const begin = offset(parameters.get('begin'));
    const end = offset(parameters.get('end'));
    if (begin !== undefined && end !== undefined && begin < end) {
      item.begin = begin;
      item.end = end;
    }
    route.item = item;
  }
  return route;
}

export function format_route(route: Route): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(route.query)) {
    if (value !== '') parameters.set(key, value);
  }
  if (route.item) {
    parameters.set('item', route.item.id);
    if (route.item.part) parameters.set('part', route.item.part);
    if (route.item.begin !== undefined && route.item.end !== undefined) {
      parameters.set('begin', String(route.item.begin));
      parameters.set('end', String(route.item.end));
    }
  }
  const path = route.id ? `${route.view}/${encodeURIComponent(route.id)}` : route.view;
  const query = parameters.toString();
  return `#/${path}${query ? `?${query}` : ''}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function offset(text: string | null): number | undefined {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
