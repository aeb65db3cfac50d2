"""Scripts through Python's `h2`."""

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

import session

CANCEL, NO_ERROR = 8, 0
HEADER_EVENTS = (
    h2.events.RequestReceived,
    h2.events.ResponseReceived,
    h2.events.InformationalResponseReceived,
    h2.events.TrailersReceived,
)


class Connection:
    def __init__(self, is_client, window):
        config = h2.config.H2Configuration(client_side=is_client, header_encoding=None)
        self.connection = h2.connection.H2Connection(config)
        codes = h2.settings.SettingCodes
        values = {
            codes.MAX_CONCURRENT_STREAMS: session.CONCURRENT_STREAMS,
            codes.INITIAL_WINDOW_SIZE: window,
            codes.MAX_HEADER_LIST_SIZE: session.HEADER_LIST_SIZE,
        }
        if is_client:
            values[codes.ENABLE_PUSH] = 0
        self.connection.local_settings = h2.settings.Settings(client=is_client, initial_values=values)
        self.connection.initiate_connection()
        self.connection.increment_flow_control_window(session.CONNECTION_WINDOW - 65535)
        if is_client:
            for stream in (1, 3, 5):
                self.connection.send_headers(stream, session.REQUEST, end_stream=True)
        self.connection.data_to_send()

    def apply(self, kind, payload):
        given, failed = [], False
        try:
            if kind == session.RECEIVE:
                for event in self.connection.receive_data(payload):
                    self.take(event, given)
            elif payload not in self.connection.streams:
                pass
            elif kind == session.RESET:
                self.quietly(self.connection.reset_stream, payload, CANCEL)
            else:
                self.quietly(self.connection.send_headers, payload, session.RESPONSE, end_stream=True)
                if kind == session.RESPOND_AND_RESET:
                    self.quietly(self.connection.reset_stream, payload, NO_ERROR)
        except Exception:  # Whatever it is, the connection is over.
            failed = True
        return failed, self.connection.data_to_send(), given

    @staticmethod
    def quietly(act, *arguments, **more):
        """What an application does too late is no fault."""
        try:
            act(*arguments, **more)
        except h2.exceptions.ProtocolError:
            pass

    def take(self, event, given):
        if isinstance(event, HEADER_EVENTS):
            given.append(session.headers(event.stream_id, [(bytes(n), bytes(v)) for n, v in event.headers]))
        elif isinstance(event, h2.events.DataReceived):
            given.append(session.data(event.stream_id, event.data))
            self.quietly(
                self.connection.acknowledge_received_data, event.flow_controlled_length, event.stream_id
            )
        elif isinstance(event, h2.events.StreamEnded):
            given.append(session.end(event.stream_id))

    def close(self):
        pass


if __name__ == "__main__":
    session.serve(Connection)
