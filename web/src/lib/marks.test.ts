import { describe, expect, test } from 'vitest';
import { blocks, locate, runs } from './marks';
import type { Segment } from './marks';

const shown = (pieces: { text: string; marked: boolean }[]) =>
  pieces.map((piece) => (piece.marked ? `[${piece.text}]` : piece.text)).join('');

describe('runs', () => {
  test('the highlighted part stands out and nothing is lost', () => {
    expect(shown(runs('el seguro vence', [[3, 9]]))).toBe('el [seguro] vence');
  });

  test('offsets count UTF-16 units, so a letter outside the basic plane counts two', () => {
    expect(shown(runs('🏠 casa', [[3, 7]]))).toBe('🏠 [casa]');
  });

  test('overlapping, touching, reversed and outlying ranges do no harm', () => {
    const text = 'abcdefgh';
    const out = runs(text, [[2, 4], [3, 5], [5, 6], [7, 7], [6, 1], [7, 99]]);
    expect(shown(out)).toBe('ab[cdef]g[h]');
    expect(out.map((run) => run.text).join('')).toBe(text);
  });

  test('a range that begins before the text begins with it', () => {
    expect(shown(runs('abc', [[-4, 1]]))).toBe('[a]bc');
  });
});

describe('blocks', () => {
  const text = 'Título\n\nUno dos.\n\n> citado\n\nfin';
  const segments: Segment[] = [
    { kind: 'heading', begin: 0, end: 6, page: 1 },
    { kind: 'quoted', begin: 18, end: 26, page: 2 },
  ];

  test('what lies between segments is plain text, and blank stretches are left out', () => {
    expect(blocks(text, segments, null).map((block) => block.kind)).toEqual(['heading', 'text', 'quoted', 'text']);
  });

  test('a mark across segments marks a piece of each', () => {
    const begin = text.indexOf('dos');
    const out = blocks(text, segments, [begin, text.indexOf('citado') + 3]);
    expect(out.filter((block) => block.marked).map((block) => shown(block.runs).trim())).toEqual([
      'Uno [dos.\n\n]'.trim(), '[> cit]ado',
    ]);
  });

  test('the first block of each page says so', () => {
    expect(blocks(text, segments, null).filter((block) => block.page_starts).map((block) => block.page)).toEqual([1, 2]);
  });

  test('segments that overlap or reach past the end draw every letter once', () => {
    const bad: Segment[] = [
      { kind: 'text', begin: 0, end: 12 },
      { kind: 'table', begin: 4, end: 9 },
      { kind: 'signature', begin: 10, end: 999 },
    ];
    const drawn = blocks(text, bad, null).flatMap((block) => block.runs).map((run) => run.text).join('');
    expect(drawn).toBe(text);
  });
});

describe('locate', () => {
  const text = 'vence hoy. Otra línea.\nvence hoy. Y otra.';

  test('the quote inside a wider range is what is marked', () => {
    expect(locate(text, [0, 22], 'Otra línea')).toEqual([11, 21]);
  });

  test('of two equal quotes the one nearest to the range is taken', () => {
    expect(locate(text, [23, 33], 'vence hoy')).toEqual([23, 32]);
    expect(locate(text, [0, 5], 'vence hoy')).toEqual([0, 9]);
  });

  test('blanks may differ between quote and text', () => {
    expect(locate('a  b\nc d', [0, 1], 'b c')).toEqual([3, 6]);
  });

  test('signs that mean something in patterns mean themselves', () => {
    expect(locate('total (12,5 €) [*]', null, '(12,5 €) [*]')).toEqual([6, 18]);
  });

  test('a quote that is not there falls back to the range, clamped', () => {
    expect(locate('corto', [2, 99], 'ausente')).toEqual([2, 5]);
    expect(locate('corto', [9, 99], 'ausente')).toBeNull();
    expect(locate('corto', null, '')).toBeNull();
  });
});
