/** The names of tenants and agents (07 1.3). @module */

/** Lower-case letters, digits and hyphens, 1 to 63, no hyphen in front. */
export const AGENT_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
