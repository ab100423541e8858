"""Frameworks on top of the same APIs, unmodified, against a running lar with the real 1.5B model: `litellm`,
`langchain-openai`, `pydantic-ai` with tools and structured output; and `lar/assistant` asked about a document.

    frameworks.py       run with the environment of scripts/requirements-clients-deep.txt
"""
import asyncio
import json
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or it asks the network while it is imported
import litellm
import openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.usage import UsageLimits
from running import Lar, run_checks

checks = []


def check(function):
    checks.append(function)
    return function


def covers(*_):
    """As in clients.py: fields of which only a larger model shows that they work."""
    return check


class City(BaseModel):
    name: str
    country: str


@check
def litellm_chat_and_stream(lar, key):
    where = {"api_base": lar.url + "/v1", "api_key": key}
    question = [{"role": "user", "content": "Name one colour."}]
    answer = litellm.completion(model="openai/lar/chat", messages=question, max_tokens=8, **where)
    assert answer.choices[0].message.content and answer.usage.completion_tokens > 0
    pieces = [p.choices[0].delta.content or "" for p in
              litellm.completion(model="openai/lar/chat", messages=question, max_tokens=8, stream=True, **where)]
    assert "".join(pieces)
    vectors = litellm.embedding(model="openai/lar/embed", input=["a", "b"], **where)
    assert len(vectors.data) == 2
    try:
        litellm.completion(model="openai/gpt-4", messages=question, **where)
        raise AssertionError("an unknown model answered")
    except litellm.NotFoundError:
        pass


@check
def litellm_anthropic(lar, key):
    answer = litellm.completion(model="anthropic/lar/chat", messages=[{"role": "user", "content": "Name one colour."}],
                                max_tokens=8, api_base=lar.url, api_key=key)
    assert answer.choices[0].message.content


@check
def langchain_chat_schema_and_embeddings(lar, key):
    chat = ChatOpenAI(model="lar/chat", base_url=lar.url + "/v1", api_key=key, max_tokens=40, temperature=0)
    assert chat.invoke("Name one colour.").content
    assert "".join(piece.content for piece in chat.stream("Name one colour."))
    typed = chat.with_structured_output(City, method="json_schema").invoke("Which city is the capital of France?")
    assert isinstance(typed, City) and typed.name == "Paris", typed
    embed = OpenAIEmbeddings(model="lar/embed", base_url=lar.url + "/v1", api_key=key, check_embedding_ctx_length=False)
    assert len(embed.embed_documents(["a", "b"])) == 2


@check
def langchain_tools(lar, key):
    @tool
    def flights(destination: str) -> str:
        """Tells when the next flight to a city leaves."""
        return "The next flight leaves at 17:45."

    chat = ChatOpenAI(model="lar/chat", base_url=lar.url + "/v1", api_key=key, max_tokens=200, temperature=0)
    armed = chat.bind_tools([flights])
    question = HumanMessage("When does the next flight to Lisbon leave?")
    asked = armed.invoke([question])
    assert [call["name"] for call in asked.tool_calls][:1] == ["flights"], asked
    assert "Lisbon" in asked.tool_calls[0]["args"]["destination"], asked
    told = armed.invoke([question, asked, *(ToolMessage(flights.invoke(c["args"]), tool_call_id=c["id"]) for c in asked.tool_calls)])
    assert "17:45" in told.content or "5:45" in told.content, told
    whole = None
    for piece in armed.stream([question]):
        whole = piece if whole is None else whole + piece
    assert whole.tool_calls[0]["name"] == "flights", whole


def pydantic_model(lar, key):
    return OpenAIChatModel("lar/chat", provider=OpenAIProvider(base_url=lar.url + "/v1", api_key=key))


@check
def pydantic_ai_tools(lar, key):
    asked = []
    agent = Agent(pydantic_model(lar, key), model_settings={"temperature": 0, "max_tokens": 300})

    @agent.tool_plain
    def stock_level(article: str) -> int:
        """How many pieces of an article lie in the store room."""
        asked.append(article)
        return 37

    answer = agent.run_sync("How many lamps do we have in the store room?").output
    assert asked and "lamp" in asked[0].lower(), asked
    assert "37" in answer, answer

    asked.clear()

    async def streamed():
        async with agent.run_stream("How many chairs do we have in the store room?") as run:
            return "".join([piece async for piece in run.stream_text(delta=True)])
    answer = asyncio.run(streamed())
    assert asked and "37" in answer, (asked, answer)


class Home(BaseModel):
    city: str
    country: str


@check
def pydantic_ai_structured_by_tool(lar, key):
    agent = Agent(pydantic_model(lar, key), output_type=Home, model_settings={"temperature": 0, "max_tokens": 300})

    @agent.tool_plain
    def home_town(person: str) -> str:
        """The city a person lives in."""
        return "Bergen, Norway"

    home = agent.run_sync("In which city does Ingrid live?", usage_limits=UsageLimits(request_limit=8)).output
    assert home.city == "Bergen" and home.country == "Norway", home


@check
def pydantic_ai_structured(lar, key):
    model = pydantic_model(lar, key)
    agent = Agent(model, output_type=NativeOutput(City))
    city = agent.run_sync("Which city is the capital of Norway?").output
    assert city.name == "Oslo", city

    async def streamed():
        async with Agent(model).run_stream("Name one colour.") as answer:
            return "".join([piece async for piece in answer.stream_text(delta=True)])
    assert asyncio.run(streamed())


@covers("Fill in the middle (/infill)", "input_prefix, input_suffix", "input_extra")
def fill_in_the_middle(lar, key):
    body = {"input_prefix": "def add(a, b):\n    return a", "input_suffix": "\n\nprint(add(1, 2))\n",
            "n_predict": 6, "temperature": 0}
    status, _, answer = lar.ask("POST", "/infill", body, key=key)
    assert status == 200 and "+ b" in json.loads(answer)["content"], answer
    extra = [{"filename": "other.py", "text": "def subtract(a, b):\n    return a - b\n"}]
    _, _, more = lar.ask("POST", "/infill", {**body, "input_extra": extra}, key=key)
    assert json.loads(more)["tokens_evaluated"] > json.loads(answer)["tokens_evaluated"] + 8, "the other file did not reach the model"
    del body["input_suffix"]
    assert lar.ask("POST", "/infill", body, key=key)[0] == 400


@covers("lar", "lar/assistant")
def the_assistant_answers_from_the_owners_documents(lar, key):
    client = openai.OpenAI(base_url=lar.url + "/v1", api_key=key, max_retries=0, timeout=300)
    question = [{"role": "user", "content": "When does the car insurance expire?"}]
    whole = client.chat.completions.create(model="lar/assistant", messages=question)
    text = whole.choices[0].message.content
    assert "3 June 2026" in text and "[1]" in text and "Sources:" in text, text
    assert whole.usage.completion_tokens > 0
    streamed = "".join(p.choices[0].delta.content or "" for p in
                       client.chat.completions.create(model="lar/assistant", messages=question, stream=True) if p.choices)
    assert "3 June 2026" in streamed and "Sources:" in streamed, streamed
    other = openai.OpenAI(base_url=lar.url + "/v1", api_key=lar.key("other"), max_retries=0)
    try:
        other.chat.completions.create(model="lar/assistant", messages=question)
        raise AssertionError("a key without the right to it was answered")
    except openai.PermissionDeniedError:
        pass


def main():
    documents = {"insurance.md": "# Car insurance\n\nThe car insurance, policy 7741-B, expires on 3 June 2026.\n",
                 "garden.txt": "The gardener comes on Thursdays and prunes the old lemon tree.\n"}
    with Lar({"chat": "qwen2.5-coder-1.5b-instruct-q4_k_m", "embed": "all-minilm-l6-v2-q8_0"}, documents) as lar:
        run_checks([(one, one.__name__) for one in checks], lar, lar.key("frameworks", "--assistant"))


if __name__ == "__main__":
    main()
