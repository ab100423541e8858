import { describe, expect, test } from 'vitest';
import { SseParser, events_of } from './sse';
import type { ServerEvent } from './sse';

const all = (...chunks: string[]): ServerEvent[] => {
  const parser = new SseParser();
  return chunks.flatMap((chunk) => parser.push(chunk));
};

describe('server-sent events', () => {
  test('an event is given at its empty line, not before', () => {
    const parser = new SseParser();
    expect(parser.push('event: claim\ndata: {"a":1}\n')).toEqual([]);
    expect(parser.push('\n')).toEqual([{ event: 'claim', data: '{"a":1}' }]);
  });

  test('a stream cut at every character gives the same events', () => {
    const stream = ': keep-alive\n\nevent: text\r\ndata: año\r\n\r\ndata: 1\rdata: 2\r\revent: done\ndata:{}\n\n';
    const whole = all(stream);
    expect(whole).toEqual([
      { event: 'text', data: 'año' },
      { event: 'message', data: '1\n2' },
      { event: 'done', data: '{}' },
    ]);
    expect(all(...stream)).toEqual(whole);
  });

  test('comments and unknown fields are passed over, and an event without data is none', () => {
    expect(all(':\n\n: x\n\nid: 7\nretry: 5\n\nevent: empty\n\n')).toEqual([]);
  });

  test('one blank after the colon is taken away, no more', () => {
    expect(all('data:  two\n\n')).toEqual([{ event: 'message', data: ' two' }]);
  });

  test('a byte order mark at the start is no part of the first field', () => {
    expect(all('\uFEFFdata: x\n\n')).toEqual([{ event: 'message', data: 'x' }]);
  });

  test('an event cut off by the end of the stream is not given', () => {
    expect(all('data: whole\n\ndata: half')).toEqual([{ event: 'message', data: 'whole' }]);
  });

  test('a letter cut in two by the transport arrives whole', async () => {
    const bytes = new TextEncoder().encode('data: ñ\n\n');
    const cut = bytes.indexOf(0xc3) + 1;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytes.slice(0, cut));
        controller.enqueue(bytes.slice(cut));
        controller.close();
      },
    });
    const events: ServerEvent[] = [];
    for await (const event of events_of(body)) events.push(event);
    expect(events).toEqual([{ event: 'message', data: 'ñ' }]);
  });

  test('leaving the loop cancels the stream', async () => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new TextEncoder().encode('data: x\n\n')),
      cancel: () => void (cancelled = true),
    });
    for await (const _ of events_of(body)) break;
    expect(cancelled).toBe(true);
  });
});
