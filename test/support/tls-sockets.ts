import { Socket } from 'node:net'

/** A socket that goes to this machine, whatever name it is given; `sent` sees all that is written to it. */
export function socketToHere(sent: (piece: Buffer) => void = () => {}): Socket {
  const socket = new Socket()
  const dial = socket.connect.bind(socket)
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
  return Object.assign(socket, {
    connect: (port: number) => dial(port, '127.0.0.1'),
    write: (piece: Buffer, ...rest: unknown[]) => {
      sent(piece)
      return write(piece, ...rest)
    },
  })
}
