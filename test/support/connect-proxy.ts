/** An HTTP proxy that knows CONNECT (RFC 9110 section 9.3.6), written from the text of the RFC. @module */
import { connect, type Socket } from "node:net";
import type { Behaviour } from "./stub-port.ts";

export interface ConnectProxyOptions {
  /** `user:password` that it asks for with Basic. */
  readonly login?: string;
  /** Every request, as it came: line and header. */
  readonly requests?: string[];
  /** How many bytes of its answer go out at a time. */
  readonly pieceBytes?: number;
  /** Further fields of its 200. */
  readonly fields?: string;
}

const HEADER_END = "\r\n\r\n";
const DENIED = `HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 4\r\n\r\nno!\n`;

/** For `StubPort`. */
export const connectProxy =
  (options: ConnectProxyOptions = {}): Behaviour =>
  (socket) => {
    let text = "";
    const read = (bytes: Buffer): void => {
      text += bytes.toString("latin1");
      const end = text.indexOf(HEADER_END);
      if (end < 0) return;
      socket.off("data", read).pause();
      socket.unshift(Buffer.from(text.slice(end + HEADER_END.length), "latin1"));
      serve(socket, text.slice(0, end), options);
    };
    socket.on("data", read);
  };

function serve(socket: Socket, header: string, options: ConnectProxyOptions): void {
  const { login, requests, fields = "" } = options;
  requests?.push(header);
  const [, host = "", port = ""] = /^CONNECT (.+):(\d+) HTTP\/1\.1\r\n/.exec(header) ?? [];
  const token = /^Proxy-Authorization: Basic (\S+)$/im.exec(header)?.[1] ?? "";
  if (host === "") return void socket.end(`HTTP/1.1 400 Bad Request${HEADER_END}`);
  if (login !== undefined && Buffer.from(token, "base64").toString("utf8") !== login) {
    return void socket.end(DENIED);
  }
  const onward = connect(Number(port), host.replace(/^\[|\]$/g, ""));
  onward.on("error", () => socket.end(`HTTP/1.1 502 Bad Gateway${HEADER_END}`));
  onward.on("close", () => socket.destroy());
  socket.on("close", () => onward.destroy());
  onward.once("connect", () => {
    const answer = `HTTP/1.1 200 Connection established\r\n${fields}\r\n`;
    const piece = options.pieceBytes ?? answer.length;
    for (let at = 0; at < answer.length; at += piece) socket.write(answer.slice(at, at + piece));
    socket.pipe(onward).pipe(socket);
  });
}
