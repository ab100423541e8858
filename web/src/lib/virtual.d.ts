/// <reference types="svelte" />
declare module 'virtual:sentences' {
  const sentences: Record<'en' | 'es', Record<string, string>>;
  export default sentences;
}
