/**
 * Names of HL7 v2 that are no data of anybody: segments, messages, trigger events, versions (08 5.3). What is not in
 * these lists could be a name of a person, and is not shown. Imports nothing.
 *
 * Source: HL7 v2.1 to v2.9, appendix A; tables 0003, 0076, 0104.
 *
 * @module
 */

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

export const SEGMENT_IDS: ReadonlySet<string> = words(`
  ABS ACC ADD ADJ AFF AIG AIL AIP AIS AL1 APR ARQ ARV AUT BHS BLC BLG BPO BPX BTS BTX BUI CDM CDO CER CM0 CM1 CM2
  CNS CON CSP CSR CSS CTD CTI CTR DB1 DEV DG1 DMI DON DPS DRG DSC DSP DST ECD ECR EDU EQP EQU ERR EVN FAC FHS FT1 FTS
  GOL GP1 GP2 GT1 IAM IAR IIM ILT IN1 IN2 IN3 INV IPC IPR ISD ITM IVC IVT LAN LCC LCH LDP LOC LRL MCP MFA MFE MFI MRG
  MSA MSH NCK NDS NK1 NPU NSC NST NTE OBR OBX ODS ODT OH1 OH2 OH3 OH4 OM1 OM2 OM3 OM4 OM5 OM6 OM7 OMC ORC ORG OVR PAC
  PCE PCR PD1 PDA PDC PEO PES PID PKG PM1 PMT PR1 PRA PRB PRC PRD PRT PSG PSH PSL PSS PTH PV1 PV2 PYE QAK QID QPD QRD
  QRF QRI RCP RDF RDT REL RF1 RFI RGS RMI RQ1 RQD RXA RXC RXD RXE RXG RXO RXR RXV SAC SCD SCH SCP SDD SFT SGH SGT SHP
  SID SLT SPM STF STZ TCC TCD TQ1 TQ2 TXA UAC UB1 UB2 URD URS VAR VND`);

export const MESSAGE_CODES: ReadonlySet<string> = words(`
  ACK ADR ADT BAR BPS BRP BRT BTS CCF CCI CCM CCQ CCR CCU CQU CRM CSU DBC DBU DEL DEO DER DES DEU DFT DOC DPR DRC DRG
  DSR EAC EAN EAR EDR EHC EQQ ERP ESR ESU INR INU LSR LSU MCF MDM MFD MFK MFN MFQ MFR NMD NMQ NMR OMB OMD OMG OMI OML
  OMN OMP OMQ OMS OPL OPR OPU ORA ORB ORD ORF ORG ORI ORL ORM ORN ORP ORR ORS ORU ORX OSM OSQ OSR OSU OUL PEX PGL PIN
  PMU PPG PPP PPR PPT PPV PRR PTR QBP QCK QCN QRY QSB QSX QVR RAR RAS RCI RCL RDE RDR RDS RDY REF RER RGR RGV ROR RPA
  RPI RPL RPR RQA RQC RQI RQP RRA RRD RRE RRG RRI RSP RTB SCN SDN SDR SIU SLN SLR SMD SQM SQR SRM SRR SSR SSU STC STI
  SUR TBR TCR TCU UDM VQQ VXQ VXR VXU VXX`);

/** The highest number of each letter. */
const EVENT_RANGES = {
  ...{ A: 62, B: 8, C: 12, E: 31, I: 22, J: 2, K: 34, M: 17, N: 2, O: 59, P: 12, Q: 33, R: 43 },
  ...{ S: 37, T: 12, U: 14, V: 4, W: 2 },
} as const;

export const TRIGGER_EVENTS: ReadonlySet<string> = new Set(
  Object.entries(EVENT_RANGES).flatMap(([letter, last]) =>
    Array.from({ length: last }, (_, index) => `${letter}${String(index + 1).padStart(2, "0")}`),
  ),
);

export const VERSIONS: ReadonlySet<string> = words(
  "2.0 2.0D 2.1 2.2 2.3 2.3.1 2.4 2.5 2.5.1 2.6 2.7 2.7.1 2.8 2.8.1 2.8.2 2.9 2.9.1",
);
