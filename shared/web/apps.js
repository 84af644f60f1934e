/**
 * The applications of this project. Each is built by itself into `dist/<name>`, from its pages (HTML, below its folder) and for
 * the path below which it is served. An application is added here, and in the program that serves it.
 */
export const APPS = {
  viewer: {
    /** Served by every edge. */
    base: "/",
    pages: ["index.html", "embed/video.html", "embed/chat/readonly.html", "embed/chat/readwrite.html"],
  },
  admin: {
    /** Served by edges that pass the admin's API on. */
    base: "/admin/",
    pages: ["index.html"],
  },
};
