/** The environment of embedded servers: only what they need, so that no secret of the configuration gets into them. */

/** Marks the processes of a stack, so that they are found even when their start was not written down any more. */
export const stackVariable = 'OPSLOOP_STACK_DIRECTORY';

const passedOn = ['PATH', 'HOME', 'USER', 'LANG', 'TMPDIR', 'TZ'];

/** `directory`: the folder of the server's data, which becomes its mark. */
export function serverEnvironment(directory: string): NodeJS.ProcessEnv {
  const kept = passedOn.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return { ...Object.fromEntries(kept), [stackVariable]: directory };
}
