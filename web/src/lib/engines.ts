// What the page says about models and engines, worked out from what the server measured: which findings there are and
// what lar does because of each, which questions two models answer differently, where the memory goes. Pure; sentences
// are keys, which the parts fill in.
import type { Contract, DailyCost, Plan, PlannedEngine, Rehearsal, RehearsedQuestion, ToolLadder } from './api';
import type { Parameters } from './i18n';

export interface Said {
  key: string;
  parameters?: Parameters;
}

/** One thing measured: what it is about, what came out, and what lar does because of it (nothing: null). */
export interface Finding {
  about: string;
  facts: Said[];
  so: Said | null;
  /** False where something is less than one would wish. */
  well: boolean;
}

const bounding = ['refuses', 'truncates', 'forgets'];

function context_finding({ context_limit, context_verified, context_claimed }: Contract): Finding {
  const parameters = { verified: context_verified, claimed: context_claimed };
  const nothing = context_verified <= 0;
  if (context_limit === 'unknown') {
    return { about: 'context', facts: [{ key: 'context.unknown', parameters }], so: { key: 'context.so_unknown' }, well: true };
  }
  if (!bounding.includes(context_limit)) {
    return { about: 'context', facts: [{ key: `context.${context_limit}`, parameters }], so: { key: 'context.so_all', parameters }, well: true };
  }
  return {
    about: 'context',
    facts: [{ key: nothing ? 'context.nothing' : `context.${context_limit}`, parameters }],
    so: nothing ? { key: 'context.so_nothing' } : { key: 'context.so_bounded', parameters },
    well: false,
  };
}

function ladder(ways: Contract['tools_among'], way: 'native' | 'schema'): Said[] {
  const climbed: ToolLadder | null | undefined = ways?.[way];
  if (!climbed || (climbed.verified === 0 && climbed.failed === 0)) return [];
  const key = climbed.verified === 0 ? 'picks_none' : climbed.failed > 0 ? 'picks_until' : 'picks';
  return [{ key: `tools.${key}`, parameters: { verified: climbed.verified, failed: climbed.failed } }];
}

function tools_finding(contract: Contract): Finding | null {
  const { tools_native: native, tools_by_schema: schema, tools_among: among } = contract;
  if (native === null && schema === null) return null;
  const facts: Said[] = [];
  if (native !== null) facts.push({ key: native ? 'tools.native' : 'tools.not_native' }, ...(native ? ladder(among, 'native') : []));
  if (schema !== null && (!native || among?.schema)) {
    facts.push({ key: schema ? 'tools.schema' : 'tools.not_schema' }, ...(schema ? ladder(among, 'schema') : []));
  }
  // As the server chooses the way of a call: by form too, where that copes with more than the model's own.
  const own = among?.native?.verified ?? 0;
  const copes = native && among?.native && (among.schema?.verified ?? 0) > own;
  const so = copes ? 'so_copes' : native ? 'so_native' : schema ? 'so_schema' : 'so_neither';
  return { about: 'tools', facts, so: { key: `tools.${so}`, parameters: { n: own } }, well: native === true || schema === true };
}

function languages_finding({ english, spanish }: Contract): Finding | null {
  if (english === null && spanish === null) return null;
  const facts = ([['english', english], ['spanish', spanish]] as const)
    .filter(([, speaks]) => speaks !== null)
    .map(([name, speaks]) => ({ key: `languages.${speaks ? '' : 'no_'}${name}` }));
  const well = english !== false && spanish !== false;
  return { about: 'languages', facts, so: well ? null : { key: 'languages.so_poor' }, well };
}

export function findings(contract: Contract): Finding[] {
  if (contract.embedding) {
    const across = contract.across_languages;
    return [
      ...(contract.dimensions > 0
        ? [{ about: 'dimensions', facts: [{ key: 'dimensions.fact', parameters: { n: contract.dimensions } }], so: null, well: true }]
        : []),
      ...(across === null
        ? []
        : [{ about: 'across', facts: [{ key: across ? 'across.yes' : 'across.no' }], so: across ? null : { key: 'across.so_no' }, well: across }]),
    ];
  }
  const found: (Finding | null)[] = [
    {
      about: 'form',
      facts: [{ key: `form.${contract.form}` }],
      so: contract.form === 'unknown' ? null : { key: `form.so_${contract.form}` },
      well: contract.form === 'kept' || contract.form === 'unknown',
    },
    context_finding(contract),
    tools_finding(contract),
    languages_finding(contract),
    contract.prompt_style === 'unknown'
      ? null
      : {
          about: 'prompt',
          facts: [{ key: `prompt.${contract.prompt_style}` }],
          so: { key: `prompt.so_${contract.prompt_style}` },
          well: true,
        },
    contract.stops ? null : { about: 'stops', facts: [{ key: 'stops.no' }], so: { key: 'stops.so_no' }, well: false },
    contract.vision === null ? null : { about: 'vision', facts: [{ key: contract.vision ? 'vision.yes' : 'vision.no' }], so: null, well: true },
    contract.generation_speed > 0
      ? {
          about: 'speed',
          facts: [
            {
              key: 'speed.fact',
              parameters: { prompt: Math.round(contract.prompt_speed), generation: Math.round(contract.generation_speed) },
            },
          ],
          so: { key: 'speed.so' },
          well: true,
        }
      : null,
  ];
  return found.filter((each) => each !== null);
}

/** All that was asked for refusals; where an earlier lar kept refusals alone, those. */
export function replies(contract: Contract): { question: string; answer: string; refused: boolean }[] {
  return contract.replies && contract.replies.length > 0
    ? contract.replies
    : contract.refusals.map((each) => ({ ...each, refused: true }));
}

/** The steps of a check in their order: how far one of that depth has come. */
const steps = ['engine', 'speed', 'grammar', 'prompt', 'stops', 'tools', 'vision', 'context', 'refusals'];
export function step_reached(step: string, depth: Contract['depth']): { value: number; max: number } {
  if (step === 'embedding') return { value: 1, max: 2 };
  return { value: Math.max(0, steps.indexOf(step)), max: depth === 'full' ? steps.length : steps.indexOf('context') };
}

export function differing(rehearsal: Rehearsal): RehearsedQuestion[] {
  return rehearsal.questions.filter((each) => !each.same_answer || !each.same_citations);
}

/** A place of memory as one bar: what others hold, each engine's share, what is left. */
export interface Place {
  name: string;
  description: string;
  total: number;
  left: number;
  /** Of the whole, 0 to 1; they add up to 1 at most. */
  shares: { role: string; model: string; bytes: number; begin: number; size: number }[];
  others: number;
}

const bytes_in = (engine: PlannedEngine, place: string) =>
  engine.parts.reduce((sum, part) => sum + (part.place === place ? part.bytes : 0), 0);

export function places(plan: Plan): Place[] {
  return plan.devices.map((device) => {
    const others = Math.max(0, device.total - device.free);
    let used = others;
    const shares = plan.engines
      .map((engine) => ({ role: engine.role, model: engine.model, bytes: bytes_in(engine, device.name) }))
      .filter((share) => share.bytes > 0)
      .map((share) => {
        // What does not fit ends where the memory does.
        const begin = Math.min(1, used / Math.max(1, device.total));
        used += share.bytes;
        return { ...share, begin, size: Math.min(1, used / Math.max(1, device.total)) - begin };
      });
    return {
      name: device.name,
      description: device.description ?? '',
      total: device.total,
      left: Math.max(0, device.left),
      shares,
      others: device.total > 0 ? others / device.total : 0,
    };
  });
}

/** What the owner typed as a limit: a number above 0, nothing for no limit; undefined: neither. */
export function limit_from(text: string, name: keyof DailyCost): number | null | undefined {
  const plain = text.trim().replace(',', '.');
  if (plain === '') return null;
  if (!/^\d+(\.\d+)?$/.test(plain)) return undefined;
  const value = Number(plain);
  const most = { tokens: 1e12, minutes: 1440, watt_hours: 100_000 }[name];
  const least = name === 'tokens' ? 1 : 0.1;
  return value < least || value > most || (name === 'tokens' && !Number.isInteger(value)) ? undefined : value;
}
