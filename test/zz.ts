import { hourOf, HOUR_MS } from "#reconcile/hours.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";
await using made = await TestOutbox.open({ channels: [{ name: "adt" }] });
const put = (id: string) => appendTo(made.outbox, entryOf({ controlId: id, receivedAtMs: Date.now() }));
const ask = async () => { for await (const p of made.outbox.hours.pages({fromHour:0,toHour:1e9})) console.log(p.counts); };
await put("M1"); await put("M1"); await put("M2"); await ask(); await put("M1"); await ask(); await put("M1");
try { await made.reopen(); await ask(); } catch (error) { console.log(error, made.fatals); }
