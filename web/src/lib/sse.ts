// Server-sent events over fetch. EventSource can neither POST nor send a language, so the stream is parsed here, after
// the WHATWG rules: fields by line, an event at each empty line, comments ignored, any of the three line ends.

export interface ServerEvent {
  event: string;
  data: string;
}

/** Takes text in chunks cut anywhere and gives back the events that are complete. */
export class SseParser {
  private rest = '';
  private name = '';
  private data: string[] = [];
  private started = false;

  push(chunk: string): ServerEvent[] {
    let text = this.rest + chunk;
    if (!this.started && text.length > 0) {
      this.started = true;
      if (text.startsWith('\uFEFF')) text = text.slice(1);
    }
    const events: ServerEvent[] = [];
    let at = 0;
    for (;;) {
      const end = next_line_end(text, at);
      if (end < 0) break;
      // A carriage return at the very end may be half of a pair: wait for what follows.
      if (text[end] === '\r' && end + 1 === text.length) break;
      const line = text.slice(at, end);
      at = text[end] === '\r' && text[end + 1] === '\n' ? end + 2 : end + 1;
      const event = this.line(line);
      if (event) events.push(event);
    }
    this.rest = text.slice(at);
    return events;
  }

  private line(line: string): ServerEvent | null {
    if (line === '') {
      const event =
        this.data.length > 0 ? { event: this.name || 'message', data: this.data.join('\n') } : null;
      this.name = '';
      this.data = [];
      return event;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value.startsWith(' ')) value = value.slice(1);
    if (field === 'event') this.name = value;
    else if (field === 'data') this.data.push(value);
    return null;
  }
}

function next_line_end(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\n' || text[i] === '\r') return i;
  }
  return -1;
}

/** The events of a response body, until it ends; leaving the loop cancels the request. */
export async function* events_of(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const parser = new SseParser();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}
