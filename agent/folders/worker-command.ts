/** Not for people: what the packaged executable is asked to be when a folder's worker is a process. */
export const FOLDER_WORKER_COMMAND = "folder-worker";
