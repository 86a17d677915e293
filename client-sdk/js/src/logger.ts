/** Where the package writes what it does. `warn` is for what a developer should look into. */
export interface Logger {
  debug(message: string, facts?: object): void
  warn(message: string, facts?: object): void
}

export const consoleLogger: Logger = {
  debug: () => {},
  warn: (message, facts) => console.warn(`tiebreak: ${message}`, facts ?? ""),
}
