/** Where releases come from: a folder now, the tunnel later. @module */

export interface ReleaseSource {
  /**
   * @param name one of the fixed names, such as `3.root.json`
   * @param maxBytes a source gives up as soon as it is longer; the caller looks again
   * @returns undefined if there is none of that name
   */
  metadata(name: string, maxBytes: number): Promise<Uint8Array | undefined>;
}
