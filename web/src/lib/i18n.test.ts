// Besides the functions, this checks the page's sentences against its source: a key that is used must exist.
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import sentences from 'virtual:sentences';
import { choose_language, fill, locale_for, plural_key, sentence_for } from './i18n';

describe('language', () => {
  test('the first wanted language that lar speaks is taken', () => {
    expect(choose_language(['ca-ES', 'es-MX', 'en'])).toBe('es');
    expect(choose_language(['EN-us'])).toBe('en');
    expect(choose_language(['fr'], 'es')).toBe('es');
  });

  test('dates follow the browser’s region', () => {
    expect(locale_for('en', ['es-ES', 'en-US'])).toBe('en-US');
    expect(locale_for('en', ['es-ES'])).toBe('en-GB');
  });
});

describe('sentences', () => {
  test('parameters are put in place, numbers in the way of the language', () => {
    expect(fill('{n} de {total}, {n}', { n: 12345.5, total: 'x' }, 'es')).toBe('12.345,5 de x, 12.345,5');
    expect(fill('{missing}', {}, 'en')).toBe('{missing}');
  });

  test('a value that looks like a place is not filled again', () => {
    expect(fill('{a}', { a: '{b}', b: 'no' }, 'en')).toBe('{b}');
  });

  test('one is singular, nought and many are plural', () => {
    expect([0, 1, 2].map((n) => plural_key('es', 'x', n))).toEqual(['x.other', 'x.one', 'x.other']);
  });

  test('a missing sentence shows its key', () => {
    expect(sentence_for({}, 'en', 'a.b')).toBe('a.b');
  });

  test('both languages have the same keys', () => {
    expect(Object.keys(sentences.es).sort()).toEqual(Object.keys(sentences.en).sort());
  });

  test('every key used in the source exists', () => {
    const known = Object.keys(sentences.en);
    const missing: string[] = [];
    for (const file of source_files()) {
      const text = readFileSync(file, 'utf8');
      for (const [, name, key] of text.matchAll(/\b(tn?|t_or)\(\s*'([^']+)'/g)) {
        const wanted = name === 'tn' ? [`${key}.one`, `${key}.other`] : [key!];
        missing.push(...wanted.filter((each) => !known.includes(each)).map((each) => `${file}: ${each}`));
      }
      for (const [, prefix] of text.matchAll(/\bt(?:_or)?\(\s*`([^`$]+)\$\{/g)) {
        if (!known.some((key) => key.startsWith(prefix!))) missing.push(`${file}: ${prefix}…`);
      }
    }
    expect(missing).toEqual([]);
  });
});

/** The sources of the page. */
function source_files(): string[] {
  return readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|svelte)$/.test(file) && !file.endsWith('.test.ts'))
    .map((file) => `src/${file}`);
}
