// The language in use: the owner's choice if made, else the browser's, else the household's. One for the whole page.
import sentences from 'virtual:sentences';
import { set_accept_language } from './api';
import { choose_language, languages, locale_for, plural_key, sentence_for } from './i18n';
import type { Language, Parameters } from './i18n';

const storage_key = 'lar.language';

function chosen(): Language | null {
  try {
    const value = localStorage.getItem(storage_key);
    return languages.find((language) => language === value) ?? null;
  } catch {
    return null;
  }
}

const first = chosen() ?? choose_language(navigator.languages);
let current = $state<Language>(first);
apply(first);

function apply(language: Language): void {
  document.documentElement.lang = language;
  set_accept_language(language);
}

export function language(): Language {
  return current;
}

/** The language with its region, for dates and numbers. */
export function locale(): string {
  return locale_for(current, navigator.languages);
}

export function set_language(value: Language): void {
  current = value;
  apply(value);
  try {
    localStorage.setItem(storage_key, value);
  } catch {
    // Storage switched off: the choice lasts as long as the page.
  }
}

/** The sentence for a key (without its `page.`). */
export function t(key: string, parameters: Parameters = {}): string {
  return sentence_for(sentences[current], current, key, parameters);
}

/** The sentence for a count; {n} is the count. */
export function tn(key: string, count: number, parameters: Parameters = {}): string {
  return t(plural_key(current, key, count), { n: count, ...parameters });
}

/** The sentence if there is one, else the text itself: for names that come from the server as codes. */
export function t_or(key: string, otherwise: string): string {
  return key in sentences[current] ? t(key) : otherwise;
}
