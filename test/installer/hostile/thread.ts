/** The thread of the program beside. @module */
import { parentPort, workerData } from "node:worker_threads";
import { attempts } from "./attempts.ts";

parentPort?.postMessage(attempts(String(workerData)));
