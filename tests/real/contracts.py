#!/usr/bin/env python3
"""What the full contract says of the four small models that can be had everywhere, and whether it tells them apart.

    tests/real/contracts.py [MODEL…]     those that are installed, by default; minutes a model

What is expected is known from elsewhere: from the models' cards and files (template, languages) and from watching them
(tool calls of Qwen2.5-Coder come as text). Prints the table of docs/measured.md.
"""
import json
import sys

from running import Lar

yes_no = {True: "yes", False: "no", None: "-"}
expected = {
    "qwen2.5-coder-1.5b-instruct-q4_k_m": {
        "form": "kept", "chat_template": True, "stops": True, "english": True, "spanish": True, "tools_native": False,
        "tools_by_schema": True, "prompt_style": "system_message"},
    "qwen2.5-coder-0.5b-instruct-q4_k_m": {
        "form": "kept", "chat_template": True, "english": True, "tools_native": False},
    "smollm2-135m-instruct-q4_1": {
        "form": "kept", "chat_template": True, "english": True, "spanish": False, "tools_native": False,
        "tools_by_schema": False},
    # A base model: it was never taught to end its turn or to answer.
    "gemma-3-270m-q4_k_m": {
        "form": "kept", "chat_template": False, "stops": False, "tools_native": False},
}


def among(contract):
    """Among how many offered tools it picks the right one, the way it calls them."""
    said = [f"{ladder['verified']}" + (f", not {ladder['failed']}" if ladder["failed"] else "")
            for ladder in contract["tools_among"].values() if ladder]
    return " / ".join(said) or "-"


def row(name, contract):
    context = f"{contract['context_verified']} of {contract['context_claimed']} ({contract['context_limit']})"
    cells = [name, contract["form"], context] + [yes_no[contract[field]] for field in (
        "chat_template", "stops", "english", "spanish", "tools_native", "tools_by_schema")]
    cells += [among(contract), contract["prompt_style"], f"{len(contract['refusals'])} of {contract['questions_asked']}",
              f"{contract['prompt_speed']:.0f}", f"{contract['generation_speed']:.0f}"]
    return "| " + " | ".join(cells) + " |"


def main():
    wrong, contracts = [], {}
    with Lar({}) as lar:
        installed = {model["name"] for model in json.loads(lar.run("model", "list", "--json"))["models"]
                     if model["installed"]}
        chosen = sys.argv[1:] or [name for name in expected if name in installed]
        print("| model | forms | context verified | template | ends by itself | English | Spanish | own tool calls | "
              "by schema | among so many tools | instructions seen | refuses | reads, tokens/s | writes |\n" + "|---" * 14 + "|", flush=True)
        for name in chosen:
            contract = contracts[name] = json.loads(lar.run("model", "check", name, "--full", "--json"))
            print(row(name, contract), flush=True)
            wrong += [f"{name}: {field} is {contract[field]}, not {value}" for field, value in expected[name].items()
                      if contract[field] != value]
    facts = [json.dumps([contract[field] for field in ("chat_template", "stops", "english", "spanish", "tools_by_schema",
                                                       "context_verified")]) for contract in contracts.values()]
    if len(contracts) == len(expected) and len(set(facts)) < len(facts):
        wrong.append("two of them look alike")
    # lar's own engines read what they were started for.
    wrong += [f"{name}: refuses {contract['context_claimed']} tokens, which it claims" for name, contract in contracts.items()
              if contract["context_limit"] == "refuses"]
    for one in wrong:
        print("WRONG", one)
    if set(expected) - set(contracts):
        print("not looked at: " + ", ".join(sorted(set(expected) - set(contracts))))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
