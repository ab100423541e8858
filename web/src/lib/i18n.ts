// Sentences in the two languages of lar. A sentence holds parameters as {name}; one that depends on a number has the
// forms `key.one` and `key.other`. Pure; i18n.svelte.ts holds the current language.

export const languages = ['en', 'es'] as const;
export type Language = (typeof languages)[number];
export type Sentences = Record<string, string>;
export type Parameters = Record<string, string | number>;

/** The first of the wanted languages (BCP 47 tags, best first) that lar speaks. */
export function choose_language(wanted: readonly string[], otherwise: Language = 'en'): Language {
  for (const tag of wanted) {
    const found = languages.find((language) => tag.toLowerCase().split('-')[0] === language);
    if (found) return found;
  }
  return otherwise;
}

export function fill(sentence: string, parameters: Parameters, language: Language): string {
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = parameters[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? new Intl.NumberFormat(language).format(value) : value;
  });
}

/** The tag to format with: as the browser says for that language, else with the day before the month. */
export function locale_for(language: Language, wanted: readonly string[]): string {
  const regional = wanted.find((tag) => tag.toLowerCase().startsWith(`${language}-`));
  return regional ?? (language === 'en' ? 'en-GB' : 'es-ES');
}

/** A key without a sentence gives the key: visible, and caught by a test. */
export function sentence_for(
  sentences: Sentences,
  language: Language,
  key: string,
  parameters: Parameters = {},
): string {
  return fill(sentences[key] ?? key, parameters, language);
}

export function plural_key(language: Language, key: string, count: number): string {
  return `${key}.${new Intl.PluralRules(language).select(count) === 'one' ? 'one' : 'other'}`;
}
