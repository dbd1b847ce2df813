"""An RTSP server of GStreamer's, for the system's own Python, which has its bindings: gstreamer_server.py FILM.mp4 PORT, at rtsp://127.0.0.1:PORT/cam."""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(sys.argv[2])
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(f"( filesrc location={sys.argv[1]} ! qtdemux ! rtph264pay name=pay0 pt=96 config-interval=1 )")
server.get_mount_points().add_factory("/cam", factory)
server.attach(None)
GLib.MainLoop().run()
