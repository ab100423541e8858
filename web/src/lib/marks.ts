// From offsets to what is drawn: a text cut into blocks and runs, so that a highlight is an element around plain text
// and item text never becomes HTML. All offsets count UTF-16 units, as JavaScript strings do.

export type Range = [begin: number, end: number];

export interface Segment {
  kind: 'text' | 'heading' | 'list' | 'table' | 'quoted' | 'signature' | 'boilerplate';
  begin: number;
  end: number;
  page?: number;
  line?: number;
}

export interface Run {
  text: string;
  marked: boolean;
}

export interface Block {
  kind: Segment['kind'];
  page?: number;
  /** True in the first block of a page. */
  page_starts: boolean;
  runs: Run[];
  marked: boolean;
}

/** Cuts text at the ranges; overlapping, reversed or outlying ranges are merged or clamped, never an error. */
export function runs(text: string, ranges: readonly Range[], from = 0, to = text.length): Run[] {
  const out: Run[] = [];
  const add = (begin: number, end: number, marked: boolean) => {
    if (end > begin) out.push({ text: text.slice(begin, end), marked });
  };
  let at = from;
  for (const [begin, end] of merged(ranges)) {
    const b = Math.max(begin, at);
    const e = Math.min(end, to);
    if (e <= b) continue;
    add(at, b, false);
    add(b, e, true);
    at = e;
  }
  add(at, to, false);
  return out;
}

function merged(ranges: readonly Range[]): Range[] {
  const out: Range[] = [];
  for (const [begin, end] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (end <= begin) continue;
    const last = out[out.length - 1];
    if (last && begin <= last[1]) last[1] = Math.max(last[1], end);
    else out.push([begin, end]);
  }
  return out;
}

/** The text as blocks in order: the segments, and plain text for what lies between them. Blank blocks are left out. */
export function blocks(text: string, segments: readonly Segment[], mark: Range | null): Block[] {
  const ranges = mark ? [mark] : [];
  const out: Block[] = [];
  let at = 0;
  let page: number | undefined;
  const add = (kind: Segment['kind'], begin: number, end: number, on_page?: number) => {
    if (text.slice(begin, end).trim() === '') return;
    const of_block = runs(text, ranges, begin, end);
    const starts = on_page !== undefined && on_page !== page;
    if (starts) page = on_page;
    out.push({
      kind,
      ...(on_page === undefined ? {} : { page: on_page }),
      page_starts: starts,
      runs: of_block,
      marked: of_block.some((run) => run.marked),
    });
  };
  for (const segment of [...segments].sort((a, b) => a.begin - b.begin || b.end - a.end)) {
    const begin = Math.max(segment.begin, at);
    const end = Math.min(segment.end, text.length);
    if (end <= begin) continue;
    add('text', at, begin);
    add(segment.kind, begin, end, segment.page);
    at = end;
  }
  add('text', at, text.length);
  return out;
}

/**
 * Where a quote stands in a part: inside the cited range if it is there, else wherever it is nearest to it (blanks may
 * differ, for a file may have changed), else the range itself; null when there is nothing to show.
 */
export function locate(text: string, range: Range | null, quote: string): Range | null {
  const wanted = quote.trim().replace(/\s+/g, ' ');
  const clamped: Range | null =
    range && range[0] < Math.min(range[1], text.length)
      ? [range[0], Math.min(range[1], text.length)]
      : null;
  if (wanted === '') return clamped;
  const pattern = new RegExp(
    wanted.split(' ').map((word) => word.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('\\s+'),
    'g',
  );
  const around = clamped ? clamped[0] : 0;
  let best: Range | null = null;
  for (const found of text.matchAll(pattern)) {
    const begin = found.index;
    const candidate: Range = [begin, begin + found[0].length];
    if (!best || Math.abs(begin - around) < Math.abs(best[0] - around)) best = candidate;
  }
  return best ?? clamped;
}
