// What every view needs: the server's status and sources, kept fresh by one stream of changes that is open only while
// the page is in sight (a browser allows few connections to one server), and whether the server can be reached at all.
import { ApiError, api } from './api';
import type { Source, Status } from './api';
import type { Here } from './format';
import { locale, t } from './i18n.svelte';

export const app = $state<{
  status: Status | null;
  /** When the status came, on this machine's clock. */
  status_at: number;
  sources: Source[] | null;
  connection: 'connecting' | 'up' | 'down' | 'locked';
  beat: number;
  /** Grows when cards, briefing, actions or memory may have changed. */
  assistant: number;
}>({ status: null, status_at: 0, sources: null, connection: 'connecting', beat: 0, assistant: 0 });

/** Language, time zone and the server's present, which may be a fixed one. */
export function here(): Here {
  void app.beat;
  const status = app.status;
  const now = status
    ? new Date(new Date(status.now).getTime() + (Date.now() - app.status_at))
    : new Date();
  const zone = status?.zone || Intl.DateTimeFormat().resolvedOptions().timeZone;
  return { language: locale(), zone, now };
}

function take_status(status: Status): void {
  app.status = status;
  app.status_at = Date.now();
}

export function note_failure(error: unknown): void {
  if (!(error instanceof ApiError)) return;
  if (error.status === 401) app.connection = 'locked';
  else if (error.code === 'unreachable') app.connection = 'down';
}

export async function refresh_status(): Promise<void> {
  try {
    take_status(await api.status());
    app.connection = 'up';
  } catch (error) {
    note_failure(error);
  }
}

export async function refresh_sources(): Promise<void> {
  app.sources = (await api.sources()).sources;
}

/** One line for a failure, in plain words. */
export function words_for(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.message) return error.message;
    if (error.code === 'unreachable') return t('error.unreachable');
    if (error.code === 'stream') return t('error.stream');
  }
  return t('error.unknown');
}

let watching: AbortController | null = null;

async function watch(signal: AbortSignal): Promise<void> {
  let wait_ms = 1000;
  while (!signal.aborted) {
    await refresh_status();
    if (app.connection === 'locked') return;
    if (app.connection === 'up') {
      try {
        for await (const { event, data } of api.events(signal)) {
          wait_ms = 1000;
          if (event === 'sources') app.sources = (data as { sources: Source[] }).sources;
          if (event === 'status') take_status(data as Status);
          if (event === 'assistant') app.assistant++;
        }
      } catch (error) {
        if (!signal.aborted) note_failure(error);
      }
    }
    if (signal.aborted) return;
    await new Promise((resolve) => setTimeout(resolve, wait_ms));
    wait_ms = Math.min(wait_ms * 2, 15_000);
  }
}

function follow_visibility(): void {
  watching?.abort();
  watching = null;
  if (document.visibilityState === 'hidden') return;
  watching = new AbortController();
  void watch(watching.signal);
}

export function start(): void {
  document.addEventListener('visibilitychange', follow_visibility);
  follow_visibility();
  setInterval(() => app.beat++, 30_000);
}

export function try_again(): void {
  app.connection = 'connecting';
  follow_visibility();
}
