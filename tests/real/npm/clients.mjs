// Unmodified `openai` and `@anthropic-ai/sdk` of npm against a running lar; started by clients.py, which names it in
// LAR_URL and LAR_KEY, with the packages of this folder's lock file in LAR_NPM. Fields are covered by the Python
// clients; this shows that the JavaScript ones, with their own readers of streams, get along with the same bytes.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const packages = createRequire(`${process.env.LAR_NPM}/package.json`);
const { default: OpenAI } = await import(packages.resolve("openai"));
const { default: Anthropic } = await import(packages.resolve("@anthropic-ai/sdk"));

const { LAR_URL: url, LAR_KEY: apiKey } = process.env;
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: url, apiKey, maxRetries: 0 });
const model = "lar/chat";
const messages = [{ role: "user", content: "Say hello." }];
const parameters = {
  type: "object",
  properties: { city: { type: "string", enum: ["Madrid", "Oslo"] } },
  required: ["city"],
  additionalProperties: false,
};
const obeys = (input) => ["Madrid", "Oslo"].includes(input.city);

const checks = {
  async "openai: models, chat, stream"() {
    assert.ok((await openai.models.list()).data.some((one) => one.id === model));
    const whole = await openai.chat.completions.create({ model, messages, max_tokens: 6, temperature: 0 });
    assert.equal(whole.usage.completion_tokens, 6);
    let text = "";
    const stream = await openai.chat.completions.create({ model, messages, max_tokens: 6, temperature: 0, stream: true });
    for await (const piece of stream) text += piece.choices[0]?.delta?.content ?? "";
    assert.equal(text, whole.choices[0].message.content);
  },
  async "openai: tools, streamed and gathered"() {
    const tools = [{ type: "function", function: { name: "weather", parameters } }];
    const ask = { model, messages, tools, tool_choice: "required", parallel_tool_calls: false, max_tokens: 99 };
    const calls = (await openai.chat.completions.create(ask)).choices[0].message.tool_calls;
    assert.ok(calls.length > 0 && calls.every((call) => obeys(JSON.parse(call.function.arguments))));
    const gathered = await openai.chat.completions.stream(ask).finalChatCompletion();
    assert.equal(gathered.choices[0].finish_reason, "tool_calls");
    assert.ok(gathered.choices[0].message.tool_calls.every((call) => obeys(JSON.parse(call.function.arguments))));
  },
  async "openai: responses, streamed, with tools"() {
    const tools = [{ type: "function", name: "weather", parameters, strict: true }];
    const stream = openai.responses.stream({
      model, input: "Say hello.", tools, tool_choice: "required", parallel_tool_calls: false, max_output_tokens: 99,
    });
    const final = await stream.finalResponse();
    const calls = final.output.filter((item) => item.type === "function_call");
    assert.ok(calls.length > 0 && calls.every((call) => obeys(JSON.parse(call.arguments))));
    const plain = await openai.responses.create({ model, input: "Say hello.", max_output_tokens: 5 });
    assert.ok(plain.output_text.length > 0);
  },
  async "openai: embeddings, errors"() {
    const one = await openai.embeddings.create({ model: "lar/embed", input: "A cat." });
    assert.ok(Math.abs(Math.hypot(...one.data[0].embedding) - 1) < 1e-3);
    await assert.rejects(openai.chat.completions.create({ model: "gpt-4", messages }), OpenAI.NotFoundError);
    const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: "wrong", maxRetries: 0 });
    await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
  },
  async "anthropic: message, stream, count, errors"() {
    const whole = await anthropic.messages.create({ model, messages, max_tokens: 6 });
    assert.equal(whole.usage.output_tokens, 6);
    const final = await anthropic.messages.stream({ model, messages, max_tokens: 6 }).finalMessage();
    assert.ok(final.content[0].text.length > 0 && final.stop_reason === "max_tokens");
    assert.ok((await anthropic.messages.countTokens({ model, messages })).input_tokens > 3);
    await assert.rejects(anthropic.messages.create({ model: "claude", messages, max_tokens: 6 }), Anthropic.NotFoundError);
  },
  async "anthropic: tools, streamed"() {
    const ask = {
      model, messages, max_tokens: 99,
      tools: [{ name: "weather", input_schema: parameters }],
      tool_choice: { type: "any", disable_parallel_tool_use: true },
    };
    for (const answer of [await anthropic.messages.create(ask), await anthropic.messages.stream(ask).finalMessage()]) {
      const used = answer.content.filter((block) => block.type === "tool_use");
      assert.equal(answer.stop_reason, "tool_use");
      assert.ok(used.length > 0 && used.every((block) => obeys(block.input)));
    }
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}: ${error?.message ?? error}`);
  }
}
process.exit(failed ? 1 : 0);
