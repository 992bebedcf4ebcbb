import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Budget, CreditAccount } from "#streams/sink/credit.ts";

const ALLOWANCE = { windowBytes: 1_000, frameBytes: 100 };

describe("credit", () => {
  test("[TP20] the last byte of the limit is allowed, the next is not", () => {
    const exact = new CreditAccount();
    assert.equal(exact.raise(ALLOWANCE), 1_000);
    assert.ok(exact.receive(1_000));
    assert.equal(exact.receive(1), false);
    assert.equal(new CreditAccount().receive(1), false);
  });

  test("[TP20] what waits for the store keeps the limit; what is settled moves it on", () => {
    const account = new CreditAccount();
    account.raise(ALLOWANCE);
    account.receive(900);
    account.wait(900);
    assert.equal(account.raise(ALLOWANCE), 1_000);
    account.finish(900);
    assert.equal(account.raise(ALLOWANCE), 1_900);
  });

  test("[TP20] in the middle of a message larger than the window, one more frame is allowed", () => {
    const account = new CreditAccount();
    account.raise(ALLOWANCE);
    for (let received = 0; received < 5_000; received += 100) {
      assert.ok(account.receive(100));
      assert.ok(account.raise(ALLOWANCE) >= account.receivedBytes + 100);
    }
  });

  test("[TP20] what is dropped is allowed again", () => {
    const account = new CreditAccount();
    account.raise(ALLOWANCE);
    account.receive(600);
    account.drop(600);
    assert.equal(account.raise(ALLOWANCE), 1_600);
  });

  test("[TP20] a limit never falls, also when the window shrinks", () => {
    const account = new CreditAccount();
    assert.equal(account.raise(ALLOWANCE), 1_000);
    assert.equal(account.raise({ windowBytes: 10, frameBytes: 100 }), 1_000);
  });

  test("[I-8] a budget gives no more than there is, and takes back", () => {
    const budget = new Budget(100);
    assert.ok(budget.take(60));
    assert.equal(budget.take(41), false);
    assert.ok(budget.take(40));
    budget.giveBack(60);
    assert.ok(budget.take(60));
  });
});
