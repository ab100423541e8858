// The web API of lar: the shapes it speaks and one function per call. Everything here goes to the page's own origin;
// the key travels in a cookie that scripts cannot read.
import { events_of } from './sse';
import type { Range, Segment } from './marks';

export interface Notice {
  code: string;
  params: Record<string, unknown>;
  message: string;
  external_id?: string;
}

export type ItemKind = string;
export type When = string | null;

export interface Locator {
  kind: 'text' | 'page' | 'event' | 'contact';
  part: string;
  begin: number;
  end: number;
  page?: number;
  box?: [number, number, number, number];
  line?: number;
  label: string;
}

export interface Person {
  role: string;
  name: string;
  address: string;
}

export interface Engine {
  role: string;
  model: string | null;
  state: 'stopped' | 'starting' | 'ready' | 'failed' | 'unbound';
  pid?: number | null;
  memory_bytes?: number | null;
  context?: number | null;
  error?: Notice | null;
}

export interface Status {
  version: string;
  home: string;
  now: string;
  zone: string;
  language: string;
  household: string | null;
  counts: {
    items: number;
    passages: number;
    vectors_done: number;
    vectors_total: number;
    mails_to_judge: number;
  };
  next_vectors?: { done: number; total: number } | null;
  engines: Engine[];
  sealed: boolean;
}

export const source_kinds = [
  'imap', 'maildir', 'mbox', 'caldav', 'ics_url', 'ics', 'carddav', 'vcf', 'whatsapp', 'telegram', 'folder',
] as const;
export type SourceKind = (typeof source_kinds)[number];

/** A source to be added. The secret goes to the server and nowhere else; no answer holds it. */
export interface NewSource {
  kind: SourceKind;
  path: string;
  name?: string;
  settings?: Record<string, unknown>;
  secret?: string;
}

/** Providers whose own page lar knows the address of. */
export type Provider = 'google' | 'microsoft';

/** A mail account that is signed in to on its provider's own page; a stream: `open` {url}, `granted`, `done`. */
export interface NewConsent {
  kind: SourceKind;
  path: string;
  name?: string;
  provider?: Provider;
  authorization_endpoint?: string;
  client_secret?: string;
  settings: Record<string, unknown> & { oauth: { client_id: string; token_endpoint?: string; scope?: string } };
}

/** As it was added, or, where it was there already, signed in to anew. */
export interface AddedSource extends Source {
  renewed: boolean;
}

export interface Source {
  id: string;
  kind: SourceKind;
  name: string;
  location: string;
  state: 'idle' | 'syncing' | 'error';
  items: number;
  progress: { done: number; total: number } | null;
  last_sync: When;
  error: Notice | null;
  notices: Notice[];
  notice_count: number;
}

export interface Hit {
  item: string;
  external_id: string;
  kind: ItemKind;
  title: string;
  people: Person[];
  when: When;
  source: string;
  locator: Locator;
  snippet: string;
  highlights: Range[];
  score: number;
}

export interface SearchResult {
  hits: Hit[];
  understood: { terms: string[]; after?: When; before?: When; kind?: string | null; person?: string | null };
  mode: 'hybrid' | 'text';
}

export interface Citation {
  number: number;
  item: string;
  external_id: string;
  kind: ItemKind;
  title: string;
  when: When;
  locator: Locator;
  quote: string;
  /** Whose words these are. */
  origin: string | null;
}

export interface Passage {
  number: number;
  item: string;
  kind: ItemKind;
  title: string;
  when: When;
  locator: Locator;
}

export type AskMode = 'auto' | 'data' | 'model';

export interface Answer {
  question: string;
  answer: string;
  declined: boolean;
  basis: 'data' | 'model';
  language: string;
  claims: { text: string; citations: number[] }[];
  citations: Citation[];
  read: { number: number; item: string; title: string; locator: Locator; score: number; tokens: number }[];
  cut: { item: string; title: string; reason: string; tokens: number }[];
  timings: { retrieve_ms: number; first_claim_ms: number | null; total_ms: number };
  tokens: { prompt: number; cached: number; completion: number };
  left_out_messages?: number;
  model: string;
  conversation: string;
  turn: string | null;
  /** What the owner once gave as the right answer to the same question; may be empty. */
  owner_said?: string;
}

/** What was judged of a mail. `said`: the owner's own word on it. */
export interface Verdict {
  item: string;
  priority: 'urgent' | 'reply' | 'fyi' | 'bulk';
  personal: boolean;
  suspicious: 'none' | 'spam' | 'phishing';
  reasons: { code: string; text: string }[];
  said: { priority: string | null; suspicious: string | null; personal: boolean | null } | null;
}
export type Said = Partial<Pick<Verdict, 'priority' | 'suspicious' | 'personal'>>;

/** What the owner said of an answer; `text`: what would have been right, may be empty. */
export interface Correction {
  right: boolean;
  text: string;
}

export interface ConversationTitle {
  id: string;
  title: string;
  updated: string;
}

export interface Part {
  id: string;
  name: string;
  media_type: string;
  role: 'headers' | 'body' | 'attachment' | 'event' | 'contact';
  text: string;
  segments: Segment[];
}

export interface Item {
  item: string;
  external_id: string;
  kind: ItemKind;
  title: string;
  people: Person[];
  when: When;
  end: When;
  place: string | null;
  origin: string;
  language: string | null;
  thread: string | null;
  source_names: string[];
  parts: Part[];
  changed_on_disk: boolean;
  /** Something was judged of it, which `verdict` gives. */
  judged: boolean;
  has_original: boolean;
}

export interface Role {
  role: string;
  model: string | null;
  state: Engine['state'];
  next_model?: string;
  error?: Notice | null;
  /** Of what stands behind it, an engine of the owner's too. */
  contract?: Contract | null;
}

/** Roles that a service outside of this machine may play. */
export const outside_roles = ['chat', 'fast', 'embed', 'rerank', 'vision', 'speech', 'image'] as const;
export type OutsideRole = (typeof outside_roles)[number];

/** The host of an outside service behind a role; empty for what stays on this machine. */
export function outside_host(model: string | null): string {
  return model?.startsWith('https://') ? (model.slice('https://'.length).split(/[/#]/, 1)[0] ?? '') : '';
}

/** Among how many tools the right one was picked, and among how many no more; 0: none, or as far as was looked. */
export interface ToolLadder {
  verified: number;
  failed: number;
}

/** What has been measured of a model; null: not measured. */
export interface Contract {
  model: string;
  engine: string;
  measured: string;
  depth: 'quick' | 'full';
  embedding: boolean;
  context_claimed: number;
  context_verified: number;
  context_limit: 'unknown' | 'claimed' | 'time' | 'refuses' | 'truncates' | 'forgets';
  form: 'unknown' | 'ignored' | 'easy_only' | 'kept';
  chat_template: boolean;
  prompt_style: 'unknown' | 'system_message' | 'before_question';
  stops: boolean;
  tools_native: boolean | null;
  tools_by_schema: boolean | null;
  tools_among?: Record<'native' | 'schema', ToolLadder | null>;
  english: boolean | null;
  spanish: boolean | null;
  vision: boolean | null;
  prompt_speed: number;
  generation_speed: number;
  questions_asked: number;
  refusals: { question: string; answer: string }[];
  /** To all that was asked; none in what an earlier lar measured. */
  replies?: { question: string; answer: string; refused: boolean }[];
  dimensions: number;
  across_languages: boolean | null;
}

export type CheckDepth = Contract['depth'];

/** One model's answer in a rehearsal. */
export interface RehearsedAnswer {
  answer: string;
  declined: boolean;
  citations: { item: string; title: string; quote: string }[];
  /** Whether it cites what the kept answer cited; null where that cited nothing. */
  cites_as_kept: boolean | null;
  total_ms: number;
  prompt_tokens: number;
  completion_tokens: number;
}

export interface RehearsedQuestion {
  question: string;
  current: RehearsedAnswer;
  other: RehearsedAnswer;
  same_answer: boolean;
  same_citations: boolean;
}

export interface RehearsalSum {
  answered: number;
  cites_as_kept: number;
  can_be_compared: number;
  median_ms: number;
  tokens: number;
}

/** The last questions, asked of the present model and of another. */
export interface Rehearsal {
  current: string;
  other: string;
  questions: RehearsedQuestion[];
  summary: {
    questions: number;
    same_answers: number;
    same_citations: number;
    current: RehearsalSum;
    other: RehearsalSum;
  };
}

/** A place where memory lies: "RAM" or a GPU; `free` is for all engines together, `left` what they leave. */
export interface Device {
  name: string;
  description?: string;
  total: number;
  free: number;
  left: number;
}

export interface PlannedEngine {
  role: string;
  model: string;
  fits: boolean;
  runs: boolean;
  context: number;
  slots: number;
  kv: 'f16' | 'q8_0';
  streams: boolean;
  parts: { what: 'weights' | 'experts' | 'keys_values' | 'computing' | 'program'; place: string; bytes: number }[];
  measured: { what: string; place: string; bytes: number }[];
  reasons: { code: string; message: string }[];
}

export interface Plan {
  devices: Device[];
  engines: PlannedEngine[];
}

/** A call at an engine: 0 runs, else the how-manieth it will be. */
export interface EngineCall {
  client: string;
  class: 'interactive' | 'proactive' | 'background';
  position: number;
}

/** Of a day; null: no limit, or not known. */
export interface DailyCost {
  tokens: number | null;
  minutes: number | null;
  watt_hours: number | null;
}

export interface Background {
  limit: DailyCost;
  used: DailyCost;
  error?: Notice;
}

export interface KeptPrompts {
  files: number;
  bytes: number;
  limit: number;
  restored_tokens: number;
  error?: Notice;
}

export interface EngineWork {
  roles: { role: string; state: Engine['state']; calls: EngineCall[] }[];
  background: Background;
  kept: KeptPrompts;
}

/** What a full check asks to learn what a model refuses: one question on a line, # begins a remark. */
export interface Questions {
  text: string;
  count: number;
}

export interface ClientKey {
  name: string;
  may: ('models' | 'assistant')[];
  created: string;
}

export interface Model {
  name: string;
  title: string;
  roles: string[];
  architecture: string;
  parameters: string | number;
  quantisation: string;
  size_bytes: number;
  licence: string;
  context: number;
  installed: boolean;
  verified: boolean;
  contract?: Contract | null;
  sources: unknown[];
}

export interface Models {
  roles: Role[];
  models: Model[];
}

export interface JournalEntry {
  id: string;
  time: string;
  kind: string;
  summary: string;
  detail: Record<string, unknown>;
}

export interface PullProgress {
  done_bytes: number;
  total_bytes: number;
  bytes_per_second: number;
  seconds_left: number | null;
}

// ---- the assistant ----

/** A mail, event or the like that something stands on. */
export interface EvidenceItem {
  item: string;
  external_id?: string | null;
  title: string | null;
  kind: ItemKind | null;
  quote?: string | null;
}

export interface ActionField {
  name: string;
  type: 'line' | 'text' | 'address' | 'moment' | 'wish';
  required: boolean;
  label: string;
}

export type ActionState =
  | 'proposed' | 'approved' | 'rejected' | 'executing' | 'done' | 'failed' | 'undone' | 'unknown';

/** An action as a list of cards names it. */
export interface ActionTitle {
  id: string;
  position: number;
  kind: string;
  title: string;
  state: ActionState;
}

export interface Action extends ActionTitle {
  card: number | null;
  content: Record<string, unknown>;
  fields: ActionField[];
  preview: string[];
  result: ({ error?: Notice; path?: string } & Record<string, unknown>) | null;
  can_undo: boolean;
  changed: When;
  /** Seconds until it can no longer be held back. */
  leaves_in?: number | null;
}

export interface Card {
  number: number;
  kind: string;
  title: string;
  text: string;
  urgency: 'now' | 'today' | 'later';
  origin: string;
  person: string | null;
  state: 'new' | 'seen' | 'snoozed' | 'done' | 'dismissed' | 'gone';
  until: When;
  due: When;
  changed: When;
  route: string | null;
  because: string | null;
  notified: When;
  evidence: EvidenceItem[];
  actions: ActionTitle[];
}

/** Of today: what a card can be put off until the end of. */
export interface NextEvent {
  item: string;
  title: string;
  starts: string;
  ends: string;
}

export interface CardDetail extends Card {
  actions: Action[];
}

export type Deed = 'seen' | 'done' | 'dismiss' | 'snooze' | 'never' | 'always' | 'reopen';

export interface BriefPoint {
  kind: string;
  text: string;
  origin: string;
  card: number | null;
  items: EvidenceItem[];
}

/** What is to be summarised: one of the first three, within the others. */
export interface SummaryQuestion {
  item?: string;
  chat?: string;
  since?: string;
  until?: string;
  with?: string;
}

export interface SummaryClaim {
  kind: string;
  text: string;
  by: 'model' | 'code';
  origin: string;
  citation: Citation;
}

export interface Summary {
  title: string | null;
  items: number;
  claims: SummaryClaim[];
  model: string | null;
  left_out: Record<'items' | 'unsafe' | 'bulk' | 'facts' | 'said' | 'cut', number>;
  trouble: Notice | null;
}

export interface PlanChoice {
  text: string;
  event: string | null;
  start: string | null;
  who: string | null;
}

/** A plan is a card; where something is unclear there is a question with its possible answers instead. */
export interface PlanAnswer {
  card: CardDetail | null;
  question: string | null;
  choices: PlanChoice[];
  notes: string[];
}

/** What is done without asking: actions of a kind, on cards of a kind, of a person. */
export interface StandingRule {
  number: number;
  action: string;
  card: string;
  person: string | null;
  made: When;
  text: string;
}

export interface AttentionRule {
  kind: string | null;
  person: string | null;
  effect: 'always' | 'never';
}

export interface Attention {
  per_day: number;
  quiet_from: string;
  quiet_to: string;
  /** When the morning's briefing is announced; null: never. */
  briefing: string | null;
  rules: AttentionRule[];
  learnt: { kind: string; person: string | null; useful: number; useless: number }[];
  standing: StandingRule[];
  /** The address that mail to self goes to; null: it is off. */
  mail_to_self: string | null;
  /** Addresses of the accounts that could do it. */
  mail_accounts: string[];
  /** What new accounts would interrupt with is held back; null: nothing is. */
  held: { accounts: string[]; cards: number; begins: When | null } | null;
}

export interface AttentionChange {
  /** An address of mail_accounts; empty: off. */
  mail_to_self?: string;
  /** What is held back begins. */
  live?: true;
  per_day?: number;
  quiet_from?: string;
  quiet_to?: string;
  /** Empty: never. */
  briefing?: string;
  rule?: { kind?: string; person?: string; effect: 'always' | 'never' | 'none' };
  outcome?: { kind: string; person?: string; useful: boolean };
  /** The number of a standing rule that ends. */
  revoke?: number;
}

export interface Interruption {
  time: string;
  kind: string;
  person: string | null;
  text: string;
  because: string;
  card: number | null;
  evidence: EvidenceItem[];
}

export interface Replay {
  since: string;
  until: string;
  mails: number;
  cards: number;
  waited: number;
  urgent: number;
  missed: number;
  interruptions: Interruption[];
}

export interface Memory {
  number: number;
  topic: string;
  statement: string;
  stated: boolean;
  made: When;
  superseded: When;
  evidence: EvidenceItem[];
}

/** What went wrong: the server's code and sentence, or `unreachable` (no answer) or `stream` (it broke off). */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

let accept_language = 'en';

/** The language in which the server is to answer. */
export function set_accept_language(language: string): void {
  accept_language = language;
}

async function send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { 'Accept-Language': accept_language };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ?? null,
      cache: 'no-store',
      credentials: 'same-origin',
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError('unreachable', '', 0);
  }
  if (response.ok) return response;
  const problem: unknown = await response.json().catch(() => null);
  throw error_of(problem, response.status);
}

function error_of(body: unknown, status: number): ApiError {
  const error = (body as { error?: Partial<Notice> } | null)?.error;
  return new ApiError(error?.code ?? 'unknown', error?.message ?? '', status);
}

async function json<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const response = await send(method, path, body, signal);
  return (await response.json()) as T;
}

export interface StreamEvent {
  event: string;
  data: unknown;
}

/** The events of a streaming call; an `error` event is thrown, and so is a stream that ends before `done`. */
async function* stream(
  method: string,
  path: string,
  body: unknown,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent> {
  const response = await send(method, path, body, signal);
  if (!response.body) throw new ApiError('stream', '', 0);
  let done = false;
  try {
    for await (const { event, data } of events_of(response.body)) {
      const value: unknown = JSON.parse(data);
      if (event === 'error') throw error_of(value, response.status);
      yield { event, data: value };
      if (event === 'done') {
        done = true;
        return;
      }
    }
  } catch (error) {
    if (signal.aborted || error instanceof ApiError) throw error;
    throw new ApiError('stream', '', 0);
  }
  if (!done) throw new ApiError('stream', '', 0);
}

export interface SearchQuery {
  q: string;
  kind?: string;
  source?: string;
  person?: string;
  after?: string;
  before?: string;
  limit?: number;
}

const segment = encodeURIComponent;

export const api = {
  status: () => json<Status>('GET', '/status'),
  sources: () => json<{ sources: Source[] }>('GET', '/sources'),
  add_source: (source: NewSource, signal: AbortSignal) => json<AddedSource>('POST', '/sources', source, signal),
  consent: (account: NewConsent, signal: AbortSignal) => stream('POST', '/consents', account, signal),
  begin_upload: (kind: SourceKind, name: string, size: number) =>
    json<{ id: string; name: string; piece: number }>('POST', '/uploads', { kind, name, size }),
  upload: (id: string, offset: number, data: string, signal: AbortSignal) =>
    json<{ received: number; replaced: boolean; source: Source | null }>(
      'POST',
      `/uploads/${segment(id)}`,
      { offset, data },
      signal,
    ),
  remove_source: (id: string) => json<{ removed_items: number }>('DELETE', `/sources/${segment(id)}`),
  sync: (source: string | undefined, signal: AbortSignal) =>
    stream('POST', '/sync', source ? { source, wait: 'items' } : { wait: 'items' }, signal),
  search: (query: SearchQuery, signal: AbortSignal) => {
    const parameters = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) {
      if (value !== undefined && value !== '') parameters.set(key, String(value));
    }
    return json<SearchResult>('GET', `/search?${parameters}`, undefined, signal);
  },
  ask: (question: string, conversation: string | null, mode: AskMode, signal: AbortSignal) =>
    stream('POST', '/ask', conversation ? { question, conversation, mode } : { question, mode }, signal),
  conversations: () => json<{ conversations: ConversationTitle[] }>('GET', '/conversations'),
  conversation: (id: string) =>
    json<{ id: string; turns: { question: string; answer: Answer; correction: Correction | null }[] }>(
      'GET',
      `/conversations/${segment(id)}`,
    ),
  verdict: (item: string, signal?: AbortSignal) =>
    json<Verdict>('GET', `/items/${segment(item)}/verdict`, undefined, signal),
  teach: (item: string, said: Said | { take_back: true }) =>
    json<Verdict>('POST', `/items/${segment(item)}/verdict`, said),
  /** Without a correction what was said before is taken back. */
  correct: (turn: string, correction: Correction | null) =>
    json<{ correction: Correction | null }>('POST', `/turns/${segment(turn)}/correction`, correction ?? { right: null }),
  item: (id: string, signal: AbortSignal) => json<Item>('GET', `/items/${segment(id)}`, undefined, signal),
  original_address: (id: string) => `/api/v1/items/${segment(id)}/original`,
  models: () => json<Models>('GET', '/models'),
  use_model: (role: string, model: string) => json<{ roles: Role[] }>('POST', '/models/use', { role, model }),
  /** Only after the owner has agreed: this tells the server so. */
  use_outside: (role: OutsideRole, model: string, key: string) =>
    json<{ roles: Role[] }>('POST', '/models/use', { role, model, consent: true, ...(key ? { key } : {}) }),
  /** Takes the model away, and with it the consent for an outside service. */
  unbind: (role: string) => json<{ roles: Role[] }>('POST', '/models/use', { role, model: '' }),
  pull_model: (name: string, signal: AbortSignal) => stream('POST', '/models/pull', { name }, signal),
  /** A role, or the name of an installed model. */
  check_model: (what: string, depth: CheckDepth, signal: AbortSignal) =>
    stream('POST', '/models/check', { what, depth }, signal),
  compare_model: (model: string, questions: number, signal: AbortSignal) =>
    stream('POST', '/models/compare', { model, questions }, signal),
  memory_plan: () => json<Plan>('GET', '/models/plan'),
  engine_work: (signal: AbortSignal) => json<EngineWork>('GET', '/models/work', undefined, signal),
  limit_background: (limit: DailyCost) => json<Background>('POST', '/models/background', limit),
  forget_kept: () => json<{ forgotten: number }>('DELETE', '/models/kept'),
  questions: () => json<Questions>('GET', '/models/questions'),
  set_questions: (text: string) => json<Questions>('POST', '/models/questions', { text }),
  keys: () => json<{ keys: ClientKey[] }>('GET', '/keys'),
  add_key: (name: string, assistant: boolean) =>
    json<{ name: string; key: string; assistant: boolean }>('POST', '/keys', { name, assistant }),
  remove_key: (name: string) => json<{ name: string }>('DELETE', `/keys/${segment(name)}`),
  /** The briefing as audio. */
  brief_audio: async (since: string, signal?: AbortSignal): Promise<Blob> =>
    (await send('GET', `/brief/audio${since ? `?since=${segment(since)}` : ''}`, undefined, signal)).blob(),
  brief: (since: string) => json<{ now: string; points: BriefPoint[] }>('GET', `/brief${since ? `?since=${segment(since)}` : ''}`),
  cards: (state: 'open' | 'all') =>
    json<{ cards: Card[]; to_judge: number; next_event: NextEvent | null }>('GET', `/cards?state=${state}`),
  card: (number: number) => json<CardDetail>('GET', `/cards/${number}`),
  set_card: (number: number, deed: Deed, more: { until?: string; event?: string; person?: boolean } = {}) =>
    json<Card>('POST', `/cards/${number}`, { do: deed, ...more }),
  actions: () => json<{ actions: Action[] }>('GET', '/actions'),
  act: (id: string, what: 'approve' | 'reject' | 'undo' | 'preview', content?: Record<string, unknown>) =>
    json<Action>('POST', `/actions/${segment(id)}`, content ? { do: what, content } : { do: what }),
  /** Approves it, and such ones from that person from now on by themselves. */
  act_always: (id: string) => json<Action>('POST', `/actions/${segment(id)}`, { do: 'approve', always: 'person' }),
  /** A card that proposes a contact, or a change of one. */
  write_contact: (contact: { item?: string; name?: string; email?: string; phone?: string }) => json<Card>('POST', '/contacts', contact),
  plan: (wish: { text: string; event?: string; start?: string; who?: string }) => json<PlanAnswer>('POST', '/plans', wish),
  summarise: (question: SummaryQuestion, signal: AbortSignal) => stream('POST', '/summaries', question, signal),
  attention: () => json<Attention>('GET', '/attention'),
  set_attention: (change: AttentionChange) => json<Attention>('POST', '/attention', change),
  replay: (since: string) => json<Replay>('GET', `/replay?since=${segment(since)}`),
  memories: (state: 'open' | 'all') => json<{ memories: Memory[] }>('GET', `/memory?state=${state}`),
  remember: (statement: string, topic?: string) =>
    json<{ memories: Memory[] }>('POST', '/memory', topic ? { statement, topic } : { statement }),
  forget: (number: number) => json<{ number: number }>('DELETE', `/memory/${number}`),
  journal: (limit: number, before?: string) =>
    json<{ entries: JournalEntry[] }>(
      'GET',
      `/journal?limit=${limit}${before ? `&before=${segment(before)}` : ''}`,
    ),
  /** Global changes; this stream has no end of its own. */
  async *events(signal: AbortSignal): AsyncGenerator<StreamEvent> {
    const response = await send('GET', '/events', undefined, signal);
    if (!response.body) return;
    for await (const { event, data } of events_of(response.body)) yield { event, data: JSON.parse(data) };
  },
};
