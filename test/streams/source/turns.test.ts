import assert from "node:assert/strict";
import { test } from "node:test";
import { PRIORITY, type Priority } from "#protocol/frame.ts";
import { Turns } from "#streams/source/turns.ts";

interface Stream {
  readonly name: string;
  readonly source: { priority: Priority };
}

const stream = (name: string, priority: Priority): Stream => ({ name, source: { priority } });

/** Whose turn it is, so many times; everybody always has something. */
function turnsOf(turns: Turns<Stream>, count: number): string {
  let order = "";
  for (let turn = 0; turn < count; turn++) {
    turns.give(({ name }) => {
      order += name;
      return true;
    });
  }
  return order;
}

test("[TP23] a stream whose priority changes takes its turns among those of the new one", () => {
  const [a, b, c] = [
    stream("a", PRIORITY.normal),
    stream("b", PRIORITY.normal),
    stream("c", PRIORITY.normal),
  ];
  const turns = new Turns<Stream>();
  for (const one of [a, b, c]) turns.add(one);
  assert.equal(turnsOf(turns, 6), "abcabc");
  b.source.priority = PRIORITY.urgent;
  turns.place(b);
  // Eight of the urgent one, then one of what is lower.
  assert.match(turnsOf(turns, 18), /^b{8}[ac]b{8}[ac]$/);
  b.source.priority = PRIORITY.normal;
  turns.place(b);
  turns.place(b);
  const order = turnsOf(turns, 6);
  assert.deepEqual([...order].toSorted().join(""), "aabbcc");
});
