/** Every planted defect. @module */
import { ALARM_MUTANTS } from "./alarm-mutants.ts";
import { APPROVAL_MUTANTS } from "./approval-mutants.ts";
import { AUDIT_MUTANTS } from "./audit-mutants.ts";
import { CONFIGURATION_MUTANTS } from "./configuration-mutants.ts";
import { CONSOLE_MUTANTS } from "./console-mutants.ts";
import { CONTROL_MUTANTS } from "./control-mutants.ts";
import { ENVELOPE_MUTANTS } from "./document-envelope-mutants.ts";
import { STRICT_JSON_MUTANTS } from "./document-json-mutants.ts";
import { DOCUMENT_MUTANTS } from "./document-mutants.ts";
import { DOCUMENT_RULE_MUTANTS } from "./document-rule-mutants.ts";
import { DOWNSTREAM_MUTANTS } from "./downstream-mutants.ts";
import { DROP_MUTANTS } from "./drop-mutants.ts";
import { FILE_STORE_MUTANTS } from "./file-store-mutants.ts";
import { HOUR_MUTANTS } from "./hour-mutants.ts";
import { IDENTITY_MUTANTS } from "./identity-mutants.ts";
import { LIFE_CYCLE_MUTANTS } from "./life-cycle-mutants.ts";
import { MUTANTS, type Mutant } from "./mutants.ts";
import { OUTLET_MUTANTS } from "./outlet-mutants.ts";
import { PACKAGED_MUTANTS } from "./packaged-mutants.ts";
import { POLICY_MUTANTS } from "./policy-mutants.ts";
import { PRIVACY_MUTANTS } from "./privacy-mutants.ts";
import { RECEIVER_IDENTITY_MUTANTS } from "./receiver-identity-mutants.ts";
import { RECEIVER_SERVICE_MUTANTS } from "./receiver-service-mutants.ts";
import { RELEASE_MUTANTS } from "./release-mutants.ts";
import { ROTATION_MUTANTS } from "./rotation-mutants.ts";
import { RUNNING_MUTANTS } from "./running-mutants.ts";
import { SHOWN_TRUST_MUTANTS } from "./shown-trust-mutants.ts";
import { SIGN_TOOL_MUTANTS } from "./sign-tool-mutants.ts";
import { SIMULATION_MUTANTS } from "./simulation-mutants.ts";
import { STANDING_TRUST_MUTANTS } from "./standing-trust-mutants.ts";
import { STORE_MUTANTS } from "./store-mutants.ts";
import { TRUST_MUTANTS } from "./trust-mutants.ts";
import { TUNNEL_MUTANTS } from "./tunnel-mutants.ts";
import { UPDATE_MUTANTS } from "./update-mutants.ts";

export const ALL_MUTANTS: readonly Mutant[] = [
  ...ALARM_MUTANTS,
  ...MUTANTS,
  ...STORE_MUTANTS,
  ...FILE_STORE_MUTANTS,
  ...DROP_MUTANTS,
  ...TUNNEL_MUTANTS,
  ...DOWNSTREAM_MUTANTS,
  ...OUTLET_MUTANTS,
  ...IDENTITY_MUTANTS,
  ...ROTATION_MUTANTS,
  ...SHOWN_TRUST_MUTANTS,
  ...RUNNING_MUTANTS,
  ...RECEIVER_IDENTITY_MUTANTS,
  ...SIMULATION_MUTANTS,
  ...PACKAGED_MUTANTS,
  ...POLICY_MUTANTS,
  ...LIFE_CYCLE_MUTANTS,
  ...CONFIGURATION_MUTANTS,
  ...CONSOLE_MUTANTS,
  ...CONTROL_MUTANTS,
  ...PRIVACY_MUTANTS,
  ...STANDING_TRUST_MUTANTS,
  ...STRICT_JSON_MUTANTS,
  ...ENVELOPE_MUTANTS,
  ...DOCUMENT_MUTANTS,
  ...TRUST_MUTANTS,
  ...DOCUMENT_RULE_MUTANTS,
  ...APPROVAL_MUTANTS,
  ...SIGN_TOOL_MUTANTS,
  ...AUDIT_MUTANTS,
  ...HOUR_MUTANTS,
  ...RECEIVER_SERVICE_MUTANTS,
  ...RELEASE_MUTANTS,
  ...UPDATE_MUTANTS,
];
