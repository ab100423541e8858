import { expect, test } from 'vitest';
import type { Contract, Plan, Rehearsal } from './api';
import { differing, findings, limit_from, places, replies, step_reached } from './engines';
import english from '../../../i18n/en.json';

const contract: Contract = {
  model: 'toy', engine: 'e', measured: '2026-05-14T09:30:00+02:00', depth: 'full', embedding: false, context_claimed: 32768,
  context_verified: 8192, context_limit: 'forgets', form: 'kept', chat_template: true, prompt_style: 'system_message', stops: true,
  tools_native: true, tools_by_schema: true, tools_among: { native: { verified: 4, failed: 16 }, schema: { verified: 16, failed: 0 } },
  english: true, spanish: false, vision: null, prompt_speed: 210.4, generation_speed: 31.6, questions_asked: 2,
  refusals: [{ question: 'q', answer: 'no' }], replies: [], dimensions: 0, across_languages: null,
};
const about = (given: Contract, what: string) => findings(given).find((each) => each.about === what);

test('a context that ends before what is claimed bounds what lar sends', () => {
  const found = about(contract, 'context');
  expect(found?.well).toBe(false);
  expect(found?.facts[0]).toEqual({ key: 'context.forgets', parameters: { verified: 8192, claimed: 32768 } });
  expect(found?.so?.key).toBe('context.so_bounded');
  expect(about({ ...contract, context_verified: 0 }, 'context')?.so?.key).toBe('context.so_nothing');
  expect(about({ ...contract, context_limit: 'claimed' }, 'context')?.so?.key).toBe('context.so_all');
  expect(about({ ...contract, context_limit: 'unknown' }, 'context')?.so?.key).toBe('context.so_unknown');
});

test('tools are told by the ways that were tried, and so is which way lar takes', () => {
  expect(about(contract, 'tools')?.facts.map((each) => each.key)).toEqual(['tools.native', 'tools.picks_until', 'tools.schema', 'tools.picks']);
  expect(about(contract, 'tools')?.so?.key).toBe('tools.so_copes');
  const only_form: Contract = { ...contract, tools_native: false, tools_among: { native: null, schema: { verified: 0, failed: 4 } } };
  expect(about(only_form, 'tools')?.facts.map((each) => each.key)).toEqual(['tools.not_native', 'tools.schema', 'tools.picks_none']);
  expect(about(only_form, 'tools')?.so?.key).toBe('tools.so_schema');
  expect(about({ ...contract, tools_native: null, tools_by_schema: null }, 'tools')).toBeUndefined();
});

test('every finding there can be has its sentences', () => {
  const known = english as Record<string, string>;
  for (const context_limit of ['unknown', 'claimed', 'time', 'refuses', 'truncates', 'forgets'] as const) {
    for (const form of ['unknown', 'ignored', 'easy_only', 'kept'] as const) {
      for (const yes of [true, false]) {
        for (const embedding of [true, false]) {
          const each: Contract = {
            ...contract, context_limit, form, embedding, tools_native: yes, tools_by_schema: yes, english: yes, spanish: yes,
            vision: yes, stops: yes, dimensions: 256, across_languages: yes, context_verified: yes ? 8192 : 0,
            prompt_style: yes ? 'system_message' : 'before_question',
          };
          for (const { about: what, facts, so } of findings(each)) {
            for (const key of [`about.${what}`, ...facts.map((fact) => fact.key), ...(so ? [so.key] : [])]) {
              expect(known[`page.contract.${key}`], key).toBeTruthy();
            }
          }
        }
      }
    }
  }
});

test('refusals that an earlier lar kept alone are shown as such', () => {
  expect(replies(contract)).toEqual([{ question: 'q', answer: 'no', refused: true }]);
  const asked = [{ question: 'a', answer: 'sure', refused: false }];
  expect(replies({ ...contract, replies: asked })).toEqual(asked);
});

test('a check has come as far as its step', () => {
  expect(step_reached('engine', 'quick')).toEqual({ value: 0, max: 7 });
  expect(step_reached('vision', 'quick')).toEqual({ value: 6, max: 7 });
  expect(step_reached('refusals', 'full')).toEqual({ value: 8, max: 9 });
});

test('only what differs is shown', () => {
  const answer = { answer: 'a', declined: false, citations: [], cites_as_kept: null, total_ms: 1, prompt_tokens: 1, completion_tokens: 1 };
  const one = (question: string, same_answer: boolean, same_citations: boolean) => ({ question, current: answer, other: answer, same_answer, same_citations });
  const compared = { questions: [one('same', true, true), one('words', false, true), one('sources', true, false)] } as unknown as Rehearsal;
  expect(differing(compared).map((each) => each.question)).toEqual(['words', 'sources']);
});

test('memory is shared out, and what does not fit ends where the memory does', () => {
  const engine = { model: 'm', fits: true, runs: false, context: 1, slots: 1, kv: 'f16', streams: false, measured: [], reasons: [] };
  const plan: Plan = {
    devices: [{ name: 'RAM', total: 100, free: 80, left: 0 }, { name: 'CUDA0', description: 'card', total: 50, free: 50, left: 40 }],
    engines: [
      { ...engine, role: 'chat', parts: [{ what: 'weights', place: 'RAM', bytes: 30 }, { what: 'computing', place: 'RAM', bytes: 10 }, { what: 'weights', place: 'CUDA0', bytes: 10 }] },
      { ...engine, role: 'fast', fits: false, parts: [{ what: 'weights', place: 'RAM', bytes: 90 }] },
    ] as unknown as Plan['engines'],
  };
  const [ram, card] = places(plan);
  expect(ram?.others).toBeCloseTo(0.2);
  expect(ram?.shares.map(({ role, bytes }) => [role, bytes])).toEqual([['chat', 40], ['fast', 90]]);
  expect(ram?.shares.map(({ begin, size }) => [begin, size].map((value) => Number(value.toFixed(2))))).toEqual([[0.2, 0.4], [0.6, 0.4]]);
  expect(card?.shares.map(({ role, size }) => [role, size])).toEqual([['chat', 0.2]]);
});

test('a limit is a number above nothing, or none', () => {
  expect(limit_from('', 'tokens')).toBeNull();
  expect(limit_from(' 5000 ', 'tokens')).toBe(5000);
  expect(limit_from('0,5', 'minutes')).toBe(0.5);
  for (const wrong of ['0', '-1', 'many', '1e3', '1.5']) expect(limit_from(wrong, 'tokens'), wrong).toBeUndefined();
  expect(limit_from('1441', 'minutes')).toBeUndefined();
});
