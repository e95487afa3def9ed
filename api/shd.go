package api

// shdRoutes is the Supported Hospital Discharge interface.
func (f *Faces) shdRoutes() {}
