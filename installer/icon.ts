/** The icon of the executable for Windows: an H whose bar holds both sides, drawn here, so that nobody has to edit pictures. @module */

/** Edges in pixels: what Explorer and the task bar take. */
const EDGES = [16, 32, 48] as const;
/** Blue, green, red, opacity. */
const BACKGROUND = [0x5a, 0x4a, 0x12, 0xff] as const;
const LETTER = [0xff, 0xff, 0xff, 0xff] as const;
const NOTHING = [0, 0, 0, 0] as const;
const HEADER_BYTES = 40;
const PIXEL_BYTES = 4;

/** Of one picture, in parts of its edge from its middle (-0.5 to 0.5). */
function colour(x: number, y: number): readonly number[] {
  const [right, down] = [Math.abs(x), Math.abs(y)];
  const isCorner = Math.max(right, down) > 0.5 || Math.hypot(right - 0.34, down - 0.34) > 0.16;
  if (right > 0.34 && down > 0.34 && isCorner) return NOTHING;
  const isPost = right > 0.16 && right < 0.28 && down < 0.32;
  const isBar = right < 0.4 && down < 0.06;
  return isPost || isBar ? LETTER : BACKGROUND;
}

/** A bitmap as icons have it: twice as high as it says, from its last line up, with an empty mask behind it. */
function picture(edge: number): Uint8Array {
  const maskBytes = Math.ceil(edge / 32) * 4 * edge;
  const bytes = Buffer.alloc(HEADER_BYTES + edge * edge * PIXEL_BYTES + maskBytes);
  bytes.writeUInt32LE(HEADER_BYTES, 0);
  bytes.writeInt32LE(edge, 4);
  bytes.writeInt32LE(2 * edge, 8);
  bytes.writeUInt16LE(1, 12);
  bytes.writeUInt16LE(8 * PIXEL_BYTES, 14);
  for (let index = 0; index < edge * edge; index++) {
    const [column, line] = [index % edge, Math.floor(index / edge)];
    const at = HEADER_BYTES + index * PIXEL_BYTES;
    bytes.set(colour((column + 0.5) / edge - 0.5, (line + 0.5) / edge - 0.5), at);
  }
  return bytes;
}

/** As resources: what an icon's group lists, and its pictures by number. */
export const ICON_PICTURES = EDGES.map((edge, index) => ({
  id: index + 1,
  edge,
  bytes: picture(edge),
}));

/** `GRPICONDIR`: the pictures of one icon. */
export function iconGroup(): Uint8Array {
  const bytes = Buffer.alloc(6 + ICON_PICTURES.length * 14);
  bytes.writeUInt16LE(1, 2);
  bytes.writeUInt16LE(ICON_PICTURES.length, 4);
  for (const [index, { id, edge, bytes: content }] of ICON_PICTURES.entries()) {
    const at = 6 + index * 14;
    bytes.set([edge, edge, 0, 0, 1, 0, 8 * PIXEL_BYTES, 0], at);
    bytes.writeUInt32LE(content.length, at + 8);
    bytes.writeUInt16LE(id, at + 12);
  }
  return bytes;
}
