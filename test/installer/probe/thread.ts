/** The thread of the program beside. @module */
import { parentPort } from "node:worker_threads";
import { ownFrame } from "#defects/own-frame.ts";

const frame = ownFrame(new Error("of the thread"));
parentPort?.postMessage(frame);
