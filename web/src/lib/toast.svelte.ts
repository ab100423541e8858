// One line about what was just done, with a way back. The last one counts; it goes by itself, but not while the pointer
// or the focus is on it.
export interface Toast {
  id: number;
  text: string;
  undo: (() => Promise<void>) | null;
}

const shown_ms = 10_000;
let current = $state.raw<Toast | null>(null);
let count = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

export function toast(): Toast | null {
  return current;
}

export function say(text: string, undo: (() => Promise<void>) | null = null, milliseconds = shown_ms): void {
  current = { id: ++count, text, undo };
  release(milliseconds);
}

export function hush(): void {
  clearTimeout(timer);
  current = null;
}

export function hold(): void {
  clearTimeout(timer);
}

export function release(milliseconds = shown_ms): void {
  clearTimeout(timer);
  timer = setTimeout(() => (current = null), milliseconds);
}
