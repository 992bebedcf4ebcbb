/** Who may do what at the console. One table, shown to people as it stands here. @module */

export const ROLES = ["viewer", "support", "administrator"] as const;
export type Role = (typeof ROLES)[number];

export const isRole = (text: string): text is Role => (ROLES as readonly string[]).includes(text);

const EVERYBODY = ROLES;
const SUPPORT = ["support", "administrator"] as const satisfies readonly Role[];
const ADMINISTRATOR = ["administrator"] as const satisfies readonly Role[];

export const ACTIONS = {
  view: {
    roles: EVERYBODY,
    means: "see agents, channels, alarms, reconciliation, and who may what",
  },
  lookUp: { roles: SUPPORT, means: "look up a message by its control id" },
  readAnswer: { roles: SUPPORT, means: "read questions and what agents answered" },
  propose: { roles: SUPPORT, means: "hand in a signed question" },
  decide: { roles: SUPPORT, means: "send or reject a question that somebody else has handed in" },
  readLog: { roles: ADMINISTRATOR, means: "read what people did here" },
  endSession: { roles: ADMINISTRATOR, means: "sign somebody out" },
} as const satisfies Record<string, { readonly roles: readonly Role[]; readonly means: string }>;

export type Action = keyof typeof ACTIONS;

export function may(role: Role, action: Action): boolean {
  const { roles }: { readonly roles: readonly Role[] } = ACTIONS[action];
  return roles.includes(role);
}
