/**
 * How much is at stake when a setting of a channel changes (07 2.9).
 *
 * The class of a change is computed here from what changes; nobody's label counts. A test walks the schema: each of
 * its leaves stands in this table, and nothing else does. What is not in it is `high`.
 *
 * @module
 */

export type Risk = "low" | "medium" | "high";

/** What a change means to the people who read about it. */
export type Meaning =
  /** Who may reach the agent, or how it is reached. */
  | "opening"
  /** Where messages go, or are kept. */
  | "destination"
  /** What senders hear, and what counts as a message. */
  | "conduct"
  /** How long is waited, and how often is tried. */
  | "timing"
  /** How long something is kept. */
  | "retention"
  /** From when on people are told. */
  | "alarm";

export interface LeafRule {
  readonly meaning: Meaning;
  /** For people, such as `longer retention`; a pair where it depends on the direction of a number. */
  readonly risk: Risk | { readonly raised: Risk; readonly lowered: Risk };
  /** 0 is not the least, but without end. */
  readonly zeroIsEndless?: true;
}

const HIGH = (meaning: Meaning): LeafRule => ({ meaning, risk: "high" });
const TIMING: LeafRule = { meaning: "timing", risk: "medium" };
const RETENTION: LeafRule = { meaning: "retention", risk: { raised: "medium", lowered: "high" } };
const ENDLESS_RETENTION: LeafRule = { ...RETENTION, zeroIsEndless: true };
/** The sooner people are told, the stricter. */
const ALARM: LeafRule = { meaning: "alarm", risk: { raised: "high", lowered: "low" } };
const ALARM_OR_OFF: LeafRule = { ...ALARM, zeroIsEndless: true };
/** Waiting for longer keeps half-written files out; a shorter wait may let them in. */
const PATIENCE: LeafRule = { meaning: "timing", risk: { raised: "medium", lowered: "high" } };

const opening = HIGH("opening");
const place = HIGH("destination");
const conduct = HIGH("conduct");

/** By kind of channel, then by path inside it. */
export const RISK_TABLE: Readonly<Record<string, Readonly<Record<string, LeafRule>>>> = {
  "mllp-listener": {
    name: conduct,
    kind: conduct,
    host: opening,
    port: opening,
    allow: opening,
    "tls.certificate": opening,
    "tls.key": opening,
    "tls.clientCa": opening,
    "tls.clientCertificate": opening,
    "tls.allowedSubjects": opening,
    "tls.pinnedCertificates": opening,
    "tls.tlsHandshakeTimeoutSeconds": TIMING,
    maxConnections: opening,
    staleAfterSeconds: TIMING,
    idleTimeoutSeconds: TIMING,
    keepAliveSeconds: TIMING,
    ackMode: conduct,
    neAlAsOriginal: conduct,
    answerApplicationAck: conduct,
    applicationAckChannel: conduct,
    appAckSameSocket: conduct,
    deferredTimeoutSeconds: TIMING,
    deferredFallback: conduct,
    malformedReply: conduct,
    cannotStoreReply: conduct,
    oversizeReply: conduct,
    emptyBlockReply: conduct,
    batchReply: conduct,
    storeDeadlineSeconds: TIMING,
    priority: conduct,
    onReceiverReject: conduct,
    allowEmptyControlId: conduct,
    allowedProcessingIds: conduct,
    allowedVersions: conduct,
    charset: conduct,
    fallbackCharset: conduct,
    lenientEnd: conduct,
    endOfBlockWaitMilliseconds: TIMING,
    blockIdleTimeoutSeconds: TIMING,
    blockMaxSeconds: TIMING,
    maxBlockBytes: conduct,
    spoolThresholdBytes: conduct,
    maxJunkBytes: conduct,
    junkSampleBytes: conduct,
    duplicatePolicy: conduct,
    duplicateWindowHours: RETENTION,
    quarantineMaxBytes: conduct,
    maxPendingBlocks: conduct,
    highWaterPercent: conduct,
    lowWaterPercent: conduct,
  },
  "mllp-sender": {
    name: conduct,
    kind: conduct,
    host: place,
    port: place,
    "tls.serverCa": place,
    "tls.serverName": place,
    "tls.certificate": place,
    "tls.key": place,
    "tls.allowedSubjects": place,
    "tls.pinnedCertificates": place,
    "tls.tlsHandshakeTimeoutSeconds": TIMING,
    connectTimeoutSeconds: TIMING,
    keepAliveSeconds: TIMING,
    keepOpen: conduct,
    maxInFlight: conduct,
    expectReply: conduct,
    matchControlId: conduct,
    replyTimeoutSeconds: TIMING,
    applicationAckTimeoutSeconds: TIMING,
    waitForApplicationAck: conduct,
    retryMinSeconds: TIMING,
    retryMaxSeconds: TIMING,
    errorRetries: TIMING,
    maxReplyErrors: TIMING,
    onError: conduct,
    onReject: conduct,
    // What expires is not delivered.
    expireAfterSeconds: conduct,
    lenientEnd: conduct,
    endOfBlockWaitMilliseconds: TIMING,
    blockIdleTimeoutSeconds: TIMING,
    blockMaxSeconds: TIMING,
    maxBlockBytes: conduct,
  },
  "file-drop": {
    name: conduct,
    kind: conduct,
    folder: opening,
    workFolder: place,
    archiveFolder: place,
    errorFolder: place,
    shareKind: conduct,
    shareTimeoutSeconds: TIMING,
    sentinelFile: conduct,
    recursive: opening,
    maxDepth: opening,
    completion: conduct,
    ignorePatterns: conduct,
    includePatterns: conduct,
    // From then on files without a partner are told of, not taken.
    orphanAfterSeconds: ALARM,
    stableForSeconds: PATIENCE,
    growAlarmSeconds: ALARM,
    controlSuffixes: conduct,
    contentGate: conduct,
    minFileBytes: conduct,
    maxWaitSeconds: TIMING,
    zeroByteWaitSeconds: TIMING,
    busyAlarmSeconds: ALARM,
    lateWriteCheckSeconds: PATIENCE,
    pollSeconds: TIMING,
    maxFilesPerPoll: conduct,
    folderAlarmFiles: ALARM,
    order: conduct,
    strictOrder: conduct,
    content: conduct,
    claimBy: conduct,
    rejectHardLinks: conduct,
    maxFileBytes: conduct,
    maxBinaryBytes: conduct,
    maxMessageBytes: conduct,
    maxMessagesPerFile: conduct,
    maxAttempts: TIMING,
    namePattern: conduct,
    sidecar: conduct,
    pairTimeoutSeconds: TIMING,
    fileAck: conduct,
    afterCommit: conduct,
    duplicateFilePolicy: conduct,
    duplicateWindowHours: RETENTION,
    moveRetryMaxSeconds: TIMING,
    archiveKeepDays: ENDLESS_RETENTION,
    errorKeepDays: ENDLESS_RETENTION,
    fileMode: place,
    folderMode: place,
    allowEmptyControlId: conduct,
    allowedProcessingIds: conduct,
    allowedVersions: conduct,
    charset: conduct,
    fallbackCharset: conduct,
    duplicatePolicy: conduct,
    priority: conduct,
    onReceiverReject: conduct,
    quarantineMaxBytes: conduct,
    highWaterPercent: conduct,
    lowWaterPercent: conduct,
  },
  folder: {
    name: conduct,
    kind: conduct,
    folder: place,
    shareKind: conduct,
    shareTimeoutSeconds: TIMING,
    sentinelFile: conduct,
    tempSuffix: conduct,
    tempFolder: place,
    outControlSuffix: conduct,
    fileMode: place,
    folderMode: place,
    nameTemplate: place,
    ext: place,
    useSuggestedName: place,
    onCollision: conduct,
    pickupAlarmSeconds: ALARM_OR_OFF,
    keepSent: place,
    sentFolder: place,
    sentKeepDays: ENDLESS_RETENTION,
    retryMinSeconds: TIMING,
    retryMaxSeconds: TIMING,
    expireAfterSeconds: conduct,
  },
};

export interface LeafRisk {
  readonly risk: Risk;
  readonly meaning: Meaning;
  /** For people: why this class. */
  readonly reason: string;
}

/**
 * The class of one changed leaf.
 *
 * @param before, after `undefined` where it is not there; then no direction is known, and the graver class counts
 */
export function riskOf(kind: string, path: string, before: unknown, after: unknown): LeafRisk {
  const rules = Object.hasOwn(RISK_TABLE, kind) ? RISK_TABLE[kind] : undefined;
  const rule = rules !== undefined && Object.hasOwn(rules, path) ? rules[path] : undefined;
  if (rule === undefined) {
    return { risk: "high", meaning: "conduct", reason: "a setting that is not known here" };
  }
  const { meaning, risk } = rule;
  if (typeof risk === "string") return { risk, meaning, reason: REASONS[meaning] };
  const [from, to] = [amount(before, rule), amount(after, rule)];
  if (from === undefined || to === undefined) {
    const graver = graverOf(risk.raised, risk.lowered);
    return { risk: graver, meaning, reason: REASONS[meaning] };
  }
  const isRaised = to > from;
  const way = DIRECTIONS[meaning]?.[isRaised ? "raised" : "lowered"] ?? REASONS[meaning];
  return { risk: isRaised ? risk.raised : risk.lowered, meaning, reason: way };
}

export function graverOf(a: Risk, b: Risk): Risk {
  const order: readonly Risk[] = ["low", "medium", "high"];
  return order.indexOf(a) > order.indexOf(b) ? a : b;
}

const REASONS: Readonly<Record<Meaning, string>> = {
  opening: "who may send, or from where",
  destination: "where messages go or are kept",
  conduct: "what becomes of messages",
  timing: "how long is waited or how often is tried",
  retention: "how long something is kept",
  alarm: "from when on people are told",
};

const DIRECTIONS: Readonly<Partial<Record<Meaning, { raised: string; lowered: string }>>> = {
  retention: { raised: "longer retention", lowered: "shorter retention" },
  alarm: { raised: "people are told later, or not at all", lowered: "people are told sooner" },
  timing: { raised: "longer wait", lowered: "shorter wait: half-written files may be taken" },
};

function amount(value: unknown, { zeroIsEndless }: LeafRule): number | undefined {
  if (typeof value !== "number") return undefined;
  return zeroIsEndless === true && value === 0 ? Number.POSITIVE_INFINITY : value;
}
