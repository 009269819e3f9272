"""Every form of chart in both languages, drawn from the demo desk, to be looked at.

    python benchmarks/charts.py FOLDER

Prints the question and sentence of each picture. Ten forms, twenty pictures.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from unstuck import deps, settings
from unstuck.clock import parse_instant
from unstuck.i18n import Lang
from unstuck.insights import ask

#: Within the demo desk's time.
NOW = parse_instant("2026-11-17T12:00:00Z")
QUESTIONS: dict[str, dict[Lang, str]] = {
    "breakdown": {"en": "backlog by team", "zh": "各组积压"},
    "breakdown_two": {"en": "opened by team and priority last month", "zh": "上个月新建按团队和优先级"},
    "top": {"en": "five slowest products by median resolution time in October", "zh": "10月处理时长最长的5个产品"},
    "trend": {"en": "weekly opened vs solved since September", "zh": "9月以来每周新建和解决对比"},
    "distribution": {"en": "distribution of resolution time last month", "zh": "上个月处理时长的分布"},
    "compare": {"en": "opened by category this month vs last month", "zh": "这个月和上个月新建对比，按类别"},
    "bottleneck": {"en": "where are tickets stuck this month", "zh": "这个月卡在哪"},
    "why": {"en": "why did resolution time change in October", "zh": "为什么10月处理时长变了"},
    "heat": {"en": "heat map of new tickets since September", "zh": "9月以来新建工单的热力图"},
    "map": {"en": "process map of last month", "zh": "上个月的流程图"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path, help="a home with the demo desk, to load it only once")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as passing:
        home = arguments.home or Path(passing)
        if arguments.home is None:
            unstuck = Path(sys.executable).with_name("unstuck")
            subprocess.run([unstuck, "demo", "--load", "--home", home], check=True)
        with closing(deps.build(settings.load(home=home))) as desk, closing(desk.facts.connect()) as con:
            for name, by_lang in QUESTIONS.items():
                for lang, question in by_lang.items():
                    reply = ask.answer(desk, question, lang=lang, now=NOW, con=con)
                    told = reply.told
                    drawn = ask.picture(told.plan, told, lang) if told is not None else None
                    print(f"{name} {lang}: {question} -> {reply.restatement}")
                    if drawn is None:
                        raise SystemExit(f"no picture of {question!r}: {reply.status}")
                    (arguments.folder / f"{name}_{lang}.png").write_bytes(drawn)


if __name__ == "__main__":
    main()
