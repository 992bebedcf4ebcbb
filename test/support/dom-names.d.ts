/**
 * Names that the types of `playwright-core` take from a browser. The real ones, TypeScript's `dom`, would be known to the
 * whole program, where none of them exists.
 *
 * @module
 */
interface Node {
  readonly nodeName: string;
}
interface HTMLElement {
  matches(selector: string): boolean;
}
interface SVGElement {
  matches(selector: string): boolean;
}
type HTMLElementTagNameMap = Readonly<Record<never, HTMLElement>>;
