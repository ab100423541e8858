// How the page is built. The output is a handful of files with stable names, because the program embeds web/dist as it
// lies there; nothing is inlined, because the page runs under a content security policy without 'unsafe-inline'.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const sentences_id = 'virtual:sentences';

/** The sentences of the page: the keys beginning `page.` of the two files that the whole program shares. */
function sentences(): Plugin {
  const file = (language: string) =>
    fileURLToPath(new URL(`../i18n/${language}.json`, import.meta.url));
  const of_page = (language: string) =>
    Object.fromEntries(
      Object.entries(JSON.parse(readFileSync(file(language), 'utf8')) as Record<string, string>)
        .filter(([key]) => key.startsWith('page.'))
        .map(([key, sentence]) => [key.slice('page.'.length), sentence]),
    );
  return {
    name: 'lar-sentences',
    resolveId: (id) => (id === sentences_id ? `\0${sentences_id}` : undefined),
    load(id) {
      if (id !== `\0${sentences_id}`) return undefined;
      for (const language of ['en', 'es']) this.addWatchFile(file(language));
      return `export default ${JSON.stringify({ en: of_page('en'), es: of_page('es') })};`;
    },
  };
}

const development_server = process.env.LAR_URL ?? 'http://127.0.0.1:7170';

export default defineConfig({
  plugins: [svelte(), sentences()],
  base: '/',
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: false,
    cssCodeSplit: false,
    license: { fileName: 'licences.md' },
    rolldownOptions: {
      output: {
        entryFileNames: 'assets/lar.js',
        chunkFileNames: 'assets/[name].js',
        assetFileNames: 'assets/lar[extname]',
      },
    },
  },
  server: { host: '127.0.0.1', proxy: { '/api': new URL(development_server).origin } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
