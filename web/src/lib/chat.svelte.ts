// The conversation on screen. It lives outside the view, so that looking something up elsewhere does not stop an answer
// that is being written.
import { api } from './api';
import type { Answer, AskMode, Citation, ConversationTitle, Correction, Passage } from './api';
import { note_failure, words_for } from './app.svelte';

export interface Turn {
  question: string;
  state: 'searching' | 'answering' | 'done' | 'failed' | 'stopped';
  /** Its place in the line for an engine; 0: it need not wait. */
  position: number;
  retrieved: Passage[];
  claims: { text: string; citations: Citation[] }[];
  /** An answer from the model, as far as it has come. */
  text: string;
  answer: Answer | null;
  correction: Correction | null;
  error: string;
  mode: AskMode;
}

export const chat = $state<{
  id: string | null;
  turns: Turn[];
  /** The id came with an answer, and the address does not hold it yet. */
  unaddressed: boolean;
  loading: boolean;
  error: string;
  titles: ConversationTitle[];
}>({ id: null, turns: [], unaddressed: false, loading: false, error: '', titles: [] });

let running: AbortController | null = null;

export function busy(): boolean {
  const last = chat.turns[chat.turns.length - 1];
  return last !== undefined && (last.state === 'searching' || last.state === 'answering');
}

export function stop(): void {
  running?.abort();
}

export function start_new(): void {
  running?.abort();
  running = null;
  chat.id = null;
  chat.unaddressed = false;
  chat.turns = [];
  chat.error = '';
  chat.loading = false;
}

function turn_of(question: string, answer: Answer, correction: Correction | null = null): Turn {
  const by_number = new Map(answer.citations.map((citation) => [citation.number, citation]));
  return {
    question,
    state: 'done',
    position: 0,
    retrieved: [],
    claims: answer.claims.map((claim) => ({
      text: claim.text,
      citations: claim.citations.flatMap((number) => by_number.get(number) ?? []),
    })),
    text: answer.basis === 'model' ? answer.answer : '',
    answer,
    correction,
    error: '',
    mode: 'auto',
  };
}

export async function load(id: string): Promise<void> {
  start_new();
  chat.id = id;
  chat.loading = true;
  try {
    const conversation = await api.conversation(id);
    if (chat.id !== id) return;
    chat.turns = conversation.turns.map((turn) => turn_of(turn.question, turn.answer, turn.correction));
  } catch (error) {
    note_failure(error);
    if (chat.id === id) chat.error = words_for(error);
  } finally {
    if (chat.id === id) chat.loading = false;
  }
}

export async function load_titles(): Promise<void> {
  try {
    chat.titles = (await api.conversations()).conversations;
  } catch (error) {
    note_failure(error);
  }
}

/** Asks and streams the answer into a new turn; `arrived` gets each claim, to be said aloud by a screen reader. */
export async function ask(question: string, mode: AskMode, arrived: (text: string) => void): Promise<void> {
  running?.abort();
  const control = new AbortController();
  running = control;
  chat.error = '';
  chat.turns.push({
    question, mode, state: 'searching', position: 0, retrieved: [], claims: [], text: '', answer: null,
    correction: null, error: '',
  });
  const turn = chat.turns[chat.turns.length - 1]!;
  try {
    for await (const { event, data } of api.ask(question, chat.id, mode, control.signal)) {
      turn.position = event === 'waiting' ? (data as { position: number }).position : 0;
      if (event === 'retrieved') {
        turn.retrieved = (data as { passages: Passage[] }).passages;
        turn.state = 'answering';
      } else if (event === 'claim') {
        const claim = data as { text: string; citations: Citation[] };
        turn.state = 'answering';
        turn.claims.push(claim);
        arrived(claim.text);
      } else if (event === 'text') {
        turn.state = 'answering';
        turn.text += (data as { delta: string }).delta;
      } else if (event === 'done') {
        const answer = data as Answer;
        const finished = turn_of(question, answer);
        turn.claims = finished.claims;
        turn.text = finished.text;
        turn.answer = answer;
        turn.state = 'done';
        if (answer.basis === 'model' || answer.declined) arrived(answer.answer);
        if (running === control && answer.conversation && answer.conversation !== chat.id) {
          chat.id = answer.conversation;
          chat.unaddressed = true;
        }
      }
    }
  } catch (error) {
    if (control.signal.aborted) {
      turn.state = 'stopped';
    } else {
      note_failure(error);
      turn.state = 'failed';
      turn.error = words_for(error);
    }
  } finally {
    if (running === control) running = null;
    void load_titles();
  }
}
