/** Names of Mirth's channels as names of ours. @module */

const NAME_MAX_CHARS = 63;
/** What comes apart in no other way. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  ł: "l",
  đ: "d",
};

export class ChannelNames {
  readonly #taken = new Set<string>();

  /** @returns a name that `config/values` takes, and that no other has */
  nameFor(text: string): string {
    const plain = nameOf(text);
    for (let count = 1; ; count++) {
      const end = count === 1 ? "" : `-${count}`;
      const name = `${plain.slice(0, NAME_MAX_CHARS - end.length)}${end}`;
      if (this.#taken.has(name)) continue;
      this.#taken.add(name);
      return name;
    }
  }
}

function nameOf(text: string): string {
  const letters = [...text.toLowerCase().normalize("NFKD")]
    .map((one) => LETTERS[one] ?? one)
    .join("")
    .replaceAll(/\p{M}/gu, "");
  const name = letters
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replace(/^-/, "")
    .slice(0, NAME_MAX_CHARS);
  return name.replace(/-$/, "") || "channel";
}
