/**
 * The register of identities (07 1.4 to 1.8) in PostgreSQL: its tables and statements. `identity` is JSON,
 * see `identity-record.ts`; null for an agent of whom nothing but its serial is known.
 *
 * @module
 */

export const REGISTRY_TABLES = `
ALTER TABLE holdfast.agent ADD COLUMN revision bigint NOT NULL DEFAULT 0;
ALTER TABLE holdfast.agent ADD COLUMN identity jsonb;
CREATE UNIQUE INDEX agent_by_token ON holdfast.agent ((identity #>> '{token,idHex}'));

CREATE TABLE holdfast.denied (
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('agent', 'serial', 'deviceKey')),
  value text COLLATE "C" NOT NULL,
  denied_ms bigint NOT NULL,
  PRIMARY KEY (kind, value)
);

CREATE TABLE holdfast.trust (
  tenant text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  envelope text NOT NULL,
  added_ms bigint NOT NULL,
  PRIMARY KEY (tenant, version)
);
`;

/** The columns of `AgentRow`. */
export const AGENT = `SELECT a.id, a.tenant, a.name, a.serial, s.session, a.added_ms, s.hello_ms,
    s.locked_ms, a.revision, a.identity::text
  FROM holdfast.agent a JOIN holdfast.session s ON s.agent = a.id`;

export const REGISTRY_SQL = {
  registerAgent: `INSERT INTO holdfast.agent (tenant, name, serial, added_ms) VALUES ($1, $2, '', $3)
    ON CONFLICT (tenant, name) DO NOTHING RETURNING id`,
  addSessionOf: `INSERT INTO holdfast.session (agent)
    SELECT id FROM holdfast.agent WHERE tenant = $1 AND name = $2 ON CONFLICT DO NOTHING`,
  findByToken: `${AGENT} WHERE a.identity #>> '{token,idHex}' = $1`,
  changeIdentity: `UPDATE holdfast.agent SET serial = $3, identity = $4::jsonb,
      revision = revision + 1
    WHERE id = $1 AND revision = $2 RETURNING 1`,
  lockUnlocked: `UPDATE holdfast.session SET session = session + 1, locked_ms = $2, greetings = NULL
    WHERE agent = $1 AND locked_ms IS NULL`,
  deny: `INSERT INTO holdfast.denied (kind, value, denied_ms) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING`,
  allow: "DELETE FROM holdfast.denied WHERE kind = $1 AND value = $2",
  isDenied: `SELECT EXISTS (SELECT 1 FROM holdfast.denied d
      JOIN unnest($1::text[], $2::text[]) AS c (kind, value) ON d.kind = c.kind AND d.value = c.value)`,
  listDenied: `SELECT kind, value, denied_ms FROM holdfast.denied WHERE (kind, value) > ($1, $2)
    ORDER BY kind, value LIMIT $3`,
  barredOf: `SELECT c.agent, c.serial FROM unnest($1::bigint[], $2::text[]) AS c (agent, serial)
      LEFT JOIN holdfast.agent a ON a.id = c.agent LEFT JOIN holdfast.session s ON s.agent = a.id
    WHERE s.agent IS NULL OR s.locked_ms IS NOT NULL
      OR (c.serial <> a.serial AND c.serial IS DISTINCT FROM a.identity ->> 'nextSerialHex')
      OR EXISTS (SELECT 1 FROM holdfast.denied d WHERE (d.kind, d.value) IN
        (('agent', a.tenant || '/' || a.name), ('serial', c.serial),
          ('deviceKey', a.identity ->> 'deviceKeyHex')))`,
  addTrust: `INSERT INTO holdfast.trust (tenant, version, envelope, added_ms) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING`,
  findTrust: "SELECT envelope FROM holdfast.trust WHERE tenant = $1 AND version = $2",
  trustAfter: `SELECT version, envelope FROM holdfast.trust WHERE tenant = $1 AND version > $2
    ORDER BY version LIMIT $3`,
} as const satisfies Record<string, string>;
