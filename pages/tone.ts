/** How grave something is, as a page colours it. @module */

export type Tone = "good" | "notice" | "warning" | "critical";
