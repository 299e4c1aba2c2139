/** A real file system whose server never answers, as a lost NFS server does: FUSE without anybody behind it. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { once } from 'node:events';

const mountAndWait = `
import ctypes, os, sys
folder = sys.argv[1]
device = os.open('/dev/fuse', os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = f'fd={device},rootmode=40000,user_id=0,group_id=0'
if libc.mount(b'hanging', folder.encode(), b'fuse', 0, options.encode()) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
print('mounted', flush=True)
sys.stdin.read()
libc.umount2(folder.encode(), 2)
`;

/** Null when one can be made here; otherwise why not. */
export const whyNoHangingFileSystem =
  process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/dev/fuse')
    ? 'needs root and /dev/fuse'
    : spawnSync('python3', ['--version']).status !== 0
      ? 'needs python3'
      : null;

/** Mounted over an empty folder until `release`, at which every question that waits ends in an error. */
export const hangingFileSystem = async (folder: string): Promise<{ release: () => Promise<void> }> => {
  const server = spawn('python3', ['-c', mountAndWait, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(server, 'exit');
  const first = await Promise.race([once(server.stdout, 'data'), exited.then(() => null)]);
  if (first === null) throw new Error('the hanging file system could not be mounted');
  return {
    release: async () => {
      server.stdin.end();
      await exited;
    },
  };
};
